import ssl
import sys
import urllib.request

proxy, site, certificate = sys.argv[1:]
opener = urllib.request.build_opener(
    urllib.request.ProxyHandler({"http": proxy, "https": proxy}),
    urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=certificate)),
)
with opener.open(site) as response:
    sys.stdout.write(response.read().decode())
