import { isIP } from 'node:net';
import { parseAllowedTargets } from '../../../gateway/targets/allowed-targets.ts';
import { NameError } from '../../../gateway/targets/name-query.ts';
import type { NameResolver } from '../../../gateway/targets/name-resolver.ts';
import { createTargetPolicy } from '../../../gateway/targets/target-policy.ts';

/** What a policy is asked with. */
export const forAKey = { keyId: 'avp_test_000000000000', signal: new AbortController().signal };

/** A resolver that gives each of `answers` once, in turn, and notes what it was asked. */
function resolverOf(...answers: string[][]) {
  const asked: string[] = [];
  const resolve: NameResolver['resolve'] = async (name) => {
    const answer = answers[asked.push(name) - 1];
    if (!answer) throw new NameError('dns_error', 'NXDOMAIN');
    return answer.map((address) => ({ address, family: isIP(address) }));
  };
  return { names: { resolve }, asked };
}

/** A policy on such a resolver. */
export function policyWith({ allow = '', answers = [] as string[][] } = {}) {
  const { names, asked } = resolverOf(...answers);
  return { ...createTargetPolicy({ allowed: parseAllowedTargets(allow), names }), asked };
}

/** How a host at a port is answered: its addresses, or the refusal's code. */
export async function decide(policy: ReturnType<typeof policyWith>, host: string, port = 443) {
  try {
    const { addresses } = await policy.resolve(host, port, forAKey);
    return addresses.map(({ address }) => address);
  } catch (error) {
    return (error as { code: unknown }).code;
  }
}
