/** A request to send, in a form that can be shrunk and printed. */
export interface Plan {
  method: string;
  /** With `{id}` as the key's placeholder. */
  path: string;
  /** The value of the placeholder, as it is sent. */
  id: string;
  /** The caller: a name in the scene, or else the whole header. */
  by: string;
  query: [name: string, value: string][];
  headers: Record<string, string>;
  /** JSON or arbitrary bytes; undefined for no body. */
  body?: { json: unknown } | { bytes: Uint8Array<ArrayBuffer> };
}

/** Sends a plan and reads the whole answer. Returns its status and code. */
export async function send(
  origin: string,
  authorizations: Record<string, string | null>,
  plan: Plan,
): Promise<{ status: number; code: string | undefined }> {
  const query = plan.query
    .map((pair) => pair.map((text) => encodeURIComponent(text.toWellFormed())).join('='))
    .join('&');
  const path = plan.path.replace('{id}', () => plan.id);
  const authorization = authorizations[plan.by];
  const response = await fetch(`${origin}${path}${query && `?${query}`}`, {
    method: plan.method,
    headers: {
      ...(authorization === null ? {} : { Authorization: authorization ?? plan.by }),
      ...plan.headers,
    },
    ...(plan.body && { body: 'json' in plan.body ? toJson(plan.body.json) : plan.body.bytes }),
  });
  const text = await response.text();
  const isProblem = response.headers.get('Content-Type') === 'application/problem+json' && text;
  return {
    status: response.status,
    code: isProblem ? (JSON.parse(text) as { code: string }).code : undefined,
  };
}

function toJson(value: unknown): string {
  return JSON.stringify(value) ?? 'null';
}
