import asyncio
import ssl
import sys

import aiohttp

proxy, site, certificate = sys.argv[1:]


async def read() -> str:
    context = ssl.create_default_context(cafile=certificate)
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        async with session.get(site, proxy=proxy, ssl=context) as response:
            return await response.text()


sys.stdout.write(asyncio.run(read()))
