import sys

import httpx

proxy, site, certificate = sys.argv[1:]
# the name of this argument changed in 0.26
version = tuple(map(int, httpx.__version__.split(".")[:2]))
through = {"proxy" if version >= (0, 26) else "proxies": proxy}
with httpx.Client(verify=certificate, **through) as client:
    response = client.get(site)
    response.raise_for_status()
    sys.stdout.write(response.text)
