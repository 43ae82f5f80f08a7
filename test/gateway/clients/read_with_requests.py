import sys

import requests

proxy, site, certificate = sys.argv[1:]
response = requests.get(site, proxies={"http": proxy, "https": proxy}, verify=certificate)
response.raise_for_status()
sys.stdout.write(response.text)
