/** A request that is to be sent, in a form that can be shrunk and printed. */
export interface Plan {
  method: string;
  /** With `{id}` for the key's place. */
  path: string;
  /** What stands in that place, as it is sent. */
  id: string;
  /** Whose request it is: a name in the scene, or else the whole header. */
  by: string;
  query: [name: string, value: string][];
  headers: Record<string, string>;
  /** JSON, or whatever bytes; undefined for no body. */
  body?: { json: unknown } | { bytes: Uint8Array<ArrayBuffer> };
}

/** Sends a plan and reads all of the answer. Returns its status and its code. */
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
