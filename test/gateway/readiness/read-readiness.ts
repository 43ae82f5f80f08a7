import { expect, vi } from 'vitest';
import { type ReasonCode, reasonCodes } from '../../../gateway/readiness/reason.ts';
import type { GatewayFixture } from '../../support/gateway/gateway-fixture.ts';

type Observed = Pick<GatewayFixture, 'operationsUrl' | 'logged'>;

interface LogLine {
  level: number;
  msg: string;
  code?: string;
  sentence?: string;
}

const patient = { timeout: 60_000, interval: 20 };

/** The status of `/readyz`, and the codes of its reasons, in order. */
export async function readReadiness({ operationsUrl }: Pick<Observed, 'operationsUrl'>) {
  const response = await fetch(`${operationsUrl}/readyz`);
  const text = await response.text();
  const lines = response.status === 200 ? [] : text.trimEnd().split('\n');
  return { status: response.status, text, codes: lines.map((line) => line.split(': ')[0]) };
}

/** Resolves when the gateway is ready and reports nothing else. */
export async function untilReady(gateway: Pick<Observed, 'operationsUrl'>): Promise<void> {
  await vi.waitFor(async () => {
    expect(await readReadiness(gateway)).toEqual({ status: 200, text: 'ready\n', codes: [] });
  }, patient);
}

/**
 * Resolves when the gateway is not ready for exactly these reasons, each with one line in `/readyz`
 * and one in the log, without the secrets.
 */
export async function untilNotReady(
  gateway: Observed,
  codes: ReasonCode[],
  secrets: string[] = [],
): Promise<void> {
  await vi.waitFor(async () => {
    const { status, codes: found } = await readReadiness(gateway);
    expect({ status, found: found.sort() }).toEqual({ status: 503, found: [...codes].sort() });
  }, patient);
  const { text } = await readReadiness(gateway);
  for (const line of text.trimEnd().split('\n')) expect(line).toMatch(/^[a-z_]+: \S.+: \S.+$/);
  for (const code of codes) {
    expect(reasonCodes).toContain(code);
    const said = beginnings(gateway).filter((line) => line.code === code);
    expect(said.at(-1)?.sentence, code).toMatch(/^\S.+: \S.+$/);
  }
  const all = text + gateway.logged.join('');
  for (const secret of [...secrets, 'postgresql://']) expect(all).not.toContain(secret);
}

/** Resolves when the log shows that a reason is over. */
export async function untilOver(gateway: Observed, code: ReasonCode): Promise<void> {
  await vi.waitFor(() => {
    const over = parse(gateway).filter(
      ({ msg }) => msg === 'a reason for not being ready has ended',
    );
    expect(over.map((line) => line.code)).toContain(code);
  }, patient);
}

/** The log's lines about new reasons. */
export function beginnings(gateway: Pick<Observed, 'logged'>): LogLine[] {
  return parse(gateway).filter(({ msg }) => msg === 'not ready');
}

function parse({ logged }: Pick<Observed, 'logged'>): LogLine[] {
  return logged.map((line) => JSON.parse(line) as LogLine);
}
