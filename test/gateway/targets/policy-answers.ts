import { isIP } from 'node:net';
import { parseAllowedTargets } from '../../../gateway/targets/allowed-targets.ts';
import { NameError } from '../../../gateway/targets/name-query.ts';
import type { NameResolver } from '../../../gateway/targets/name-resolver.ts';
import { createTargetPolicy } from '../../../gateway/targets/target-policy.ts';

/** The arguments of a policy. */
export const forAKey = { keyId: 'avp_test_000000000000', signal: new AbortController().signal };

/** A resolver that returns each of `answers` once, in turn, and records the names. */
function resolverOf(...answers: string[][]) {
  const asked: string[] = [];
  const resolve: NameResolver['resolve'] = async (name) => {
    const answer = answers[asked.push(name) - 1];
    if (!answer) throw new NameError('dns_error', 'NXDOMAIN');
    return answer.map((address) => ({ address, family: isIP(address) }));
  };
  return { names: { resolve }, asked };
}

/** A policy with such a resolver. */
export function policyWith({ allow = '', answers = [] as string[][] } = {}) {
  const { names, asked } = resolverOf(...answers);
  return { ...createTargetPolicy({ allowed: parseAllowedTargets(allow), names }), asked };
}

/** The decision about a host and port: its addresses, or the refusal's code. */
export async function decide(policy: ReturnType<typeof policyWith>, host: string, port = 443) {
  try {
    const { addresses } = await policy.resolve(host, port, forAKey);
    return addresses.map(({ address }) => address);
  } catch (error) {
    return (error as { code: unknown }).code;
  }
}
