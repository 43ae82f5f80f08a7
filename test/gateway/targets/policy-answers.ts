import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import { parseAllowedTargets } from '../../../gateway/targets/allowed-targets.ts';
import { createTargetPolicy } from '../../../gateway/targets/target-policy.ts';

/** A resolver that gives each of `answers` once, in turn, and notes what it was asked. */
function resolverOf(...answers: string[][]) {
  const asked: string[] = [];
  const lookup = async (name: string): Promise<LookupAddress[]> => {
    const answer = answers[asked.push(name) - 1];
    if (!answer) throw Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' });
    return answer.map((address) => ({ address, family: isIP(address) }));
  };
  return { lookup, asked };
}

/** A policy on such a resolver. */
export function policyWith({ allow = '', answers = [] as string[][] } = {}) {
  const { lookup, asked } = resolverOf(...answers);
  return { ...createTargetPolicy({ allowed: parseAllowedTargets(allow), lookup }), asked };
}

/** How a host at a port is answered: its addresses, or the refusal's code. */
export async function decide(policy: ReturnType<typeof policyWith>, host: string, port = 443) {
  try {
    const { addresses } = await policy.resolve(host, port);
    return addresses.map(({ address }) => address);
  } catch (error) {
    return (error as { code: unknown }).code;
  }
}
