/**
 * Wraps the `fetch` of a function whose routes start with `/<name>/`, so that it can be deployed under
 * another name: the platform puts the deployed name first in each path.
 */
export function underName(
  name: string,
  fetch: (request: Request) => Promise<Response>,
): (request: Request) => Promise<Response> {
  return (request) => {
    const url = new URL(request.url);
    const [, deployed] = url.pathname.split('/', 2);
    if (deployed === name) return fetch(request);
    url.pathname = `/${name}${url.pathname.slice(1 + (deployed ?? '').length)}`;
    return fetch(new Request(url, request));
  };
}
