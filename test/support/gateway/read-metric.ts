/** The value of one metric of a gateway, summed over its labels that match. */
export async function readMetric(
  operationsUrl: string,
  name: string,
  labels: Record<string, string> = {},
): Promise<number> {
  const text = await (await fetch(`${operationsUrl}/metrics`)).text();
  let sum = 0;
  for (const line of text.split('\n')) {
    const [, found, given = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    const matching = Object.entries(labels).every(([k, v]) => given.includes(`${k}="${v}"`));
    if (found === name && matching) sum += Number(value);
  }
  return sum;
}
