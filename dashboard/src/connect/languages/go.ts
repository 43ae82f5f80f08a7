import { type Client, exampleUrl } from '../client.ts';

/** Go’s net/http. */
export const go: Client = {
  name: 'Go',
  note: 'Save it as main.go, then: go run main.go.',
  tls: true,
  write({ secure, host, port, keyId, secret }) {
    const password = secret === undefined ? 'os.Getenv("PROXY_SECRET")' : `"${secret}"`;
    return [
      'package main',
      '',
      'import (',
      '\t"fmt"',
      '\t"log"',
      '\t"net/http"',
      '\t"net/url"',
      ...(secret === undefined ? ['\t"os"'] : []),
      ')',
      '',
      'func main() {',
      '\tproxy := &url.URL{',
      `\t\tScheme: "${secure ? 'https' : 'http'}",`,
      `\t\tHost:   "${host}:${port}",`,
      `\t\tUser:   url.UserPassword("${keyId}", ${password}),`,
      '\t}',
      '\tclient := &http.Client{',
      '\t\tTransport: &http.Transport{Proxy: http.ProxyURL(proxy)},',
      '\t}',
      `\tresponse, err := client.Get("${exampleUrl}")`,
      '\tif err != nil {',
      '\t\tlog.Fatal(err)',
      '\t}',
      '\tdefer response.Body.Close()',
      '\tfmt.Println(response.StatusCode)',
      '}',
    ].join('\n');
  },
};
