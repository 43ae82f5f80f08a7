import { type Client, type Connection, exampleUrl, proxyUrl } from '../client.ts';

/** The imports, and the line that sets `proxy`. */
function proxyLines(connection: Connection, module: string): string[] {
  const { secret } = connection;
  if (secret !== undefined) {
    return [`import ${module}`, '', `proxy = "${proxyUrl(connection, secret)}"`];
  }
  return [
    'import os',
    '',
    `import ${module}`,
    '',
    'secret = os.environ["PROXY_SECRET"]',
    `proxy = f"${proxyUrl(connection, '{secret}')}"`,
  ];
}

/** Python's requests. */
export const requests: Client = {
  name: 'Python requests',
  note: 'Needs pip install requests.',
  tls: true,
  write: (connection) =>
    [
      ...proxyLines(connection, 'requests'),
      `response = requests.get("${exampleUrl}", proxies={"http": proxy, "https": proxy})`,
      'print(response.status_code)',
    ].join('\n'),
};

/** Python's httpx. A transport takes a proxy in all versions, `httpx.Client` since 0.26 only. */
export const httpx: Client = {
  name: 'Python httpx',
  note: 'Needs pip install httpx.',
  tlsNote: 'TLS to the proxy needs httpx 0.25 or later.',
  tls: true,
  write: (connection) =>
    [
      ...proxyLines(connection, 'httpx'),
      'transport = httpx.HTTPTransport(proxy=httpx.Proxy(proxy))',
      'with httpx.Client(transport=transport) as client:',
      `    response = client.get("${exampleUrl}")`,
      '    print(response.status_code)',
    ].join('\n'),
};

/** Scrapy, whose middleware sets the proxy of each request before Scrapy's own reads it at 750. */
export const scrapy: Client = {
  name: 'Scrapy',
  note: 'Needs pip install scrapy. Save it as spider.py, then: scrapy runspider spider.py.',
  tls: false,
  write: (connection) =>
    [
      ...proxyLines(connection, 'scrapy'),
      '',
      '',
      'class ThroughProxy:',
      '    def process_request(self, request, spider=None):',
      '        request.meta["proxy"] = proxy',
      '',
      '',
      'class ExampleSpider(scrapy.Spider):',
      '    name = "example"',
      `    start_urls = ["${exampleUrl}"]`,
      '    custom_settings = {"DOWNLOADER_MIDDLEWARES": {ThroughProxy: 740}}',
      '',
      '    def parse(self, response):',
      '        print(response.status)',
    ].join('\n'),
};
