import os
import ssl
import sys

proxy, site, certificate = sys.argv[1:]
# trusts the proxy's own certificate before 0.26, which has no option for it
os.environ["SSL_CERT_FILE"] = certificate

import httpx

# 0.26 renamed this argument
version = tuple(map(int, httpx.__version__.split(".")[:2]))
if version < (0, 26):
    through = {"proxies": proxy}
else:
    secured = proxy.startswith("https:")
    context = ssl.create_default_context(cafile=certificate) if secured else None
    through = {"proxy": httpx.Proxy(proxy, ssl_context=context)}
with httpx.Client(verify=certificate, **through) as client:
    response = client.get(site)
    response.raise_for_status()
    sys.stdout.write(response.text)
