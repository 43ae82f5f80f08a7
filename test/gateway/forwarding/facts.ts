import type { AlwaysRight, Exchange } from './exchange.ts';
import { type Field, valuesOf } from './message.ts';
import type { Reached } from './run-exchange.ts';

/** Returns a short description of what is wrong for client or target; undefined if nothing is. */
export type Fact = (reached: Reached) => string | undefined;

/** Everything that is wrong with an exchange's outcome. */
export function faultsOf({ facts, except }: Exchange, reached: Reached): string[] {
  const always = Object.entries(alwaysRight)
    .filter(([name]) => !except.includes(name as AlwaysRight))
    .map(([, fact]) => fact);
  const faults = [...facts, syntax, ...always].map((fact) => fact(reached));
  return [...new Set(faults.filter((fault) => fault !== undefined))];
}

/** Right if all facts of one alternative are; otherwise the faults of the last alternative. */
export const either =
  (...alternatives: Fact[][]): Fact =>
  (reached) => {
    let fault: string | undefined;
    for (const facts of alternatives) {
      fault = firstFault(facts, reached);
      if (fault === undefined) return undefined;
    }
    return fault;
  };

function firstFault(facts: Fact[], reached: Reached): string | undefined {
  for (const fact of facts) {
    const fault = fact(reached);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** The client has a whole final answer of one of these statuses. */
export const clientGot =
  (...statuses: number[]): Fact =>
  ({ client: { answer, ending } }) => {
    if (!answer) return ending === 'open' ? 'the client hangs' : 'the client got no answer';
    if (!statuses.includes(answer.status)) return `the client got ${answer.status}`;
    if (answer.complete || (answer.framing === 'connection' && ending === 'end')) return undefined;
    return ending === 'open' ? 'the client waits for more' : 'the client saw a broken body';
  };

/** The client can tell that the body is incomplete, or got 502. */
export const clientSawBreak: Fact = ({ client: { answer, ending } }) => {
  if (ending === 'open') return 'the client hangs';
  if (!answer) return 'the client got no answer';
  if (answer.status === 502) return undefined;
  const whole = answer.framing === 'connection' ? ending === 'end' : answer.complete;
  return whole ? 'the client saw a whole body' : undefined;
};

/** The client was refused, or its connection was closed. */
export const clientNotServed: Fact = ({ client: { answer, ending } }) => {
  if (answer) return answer.status < 400 ? `the client got ${answer.status}` : undefined;
  return ending === 'open' ? 'the client hangs' : undefined;
};

export const clientBody =
  (body: string): Fact =>
  ({ client: { answer } }) =>
    answer?.body === body ? undefined : 'the client got another body';

/** The answer's field has these values, in this order. */
export const clientField =
  (name: string, ...values: string[]): Fact =>
  ({ client: { answer } }) =>
    fieldFault('the client', answer?.fields ?? [], name, values);

export const clientLacks =
  (...names: string[]): Fact =>
  ({ client: { answer } }) =>
    presenceFault('the client', answer?.fields ?? [], names);

/** The answer has these fields in this order and letter case; of others, only those allowed. */
export const clientFields =
  (fields: readonly Field[], others: readonly string[] | 'any'): Fact =>
  ({ client: { answer } }) =>
    orderFault('the client', answer?.fields ?? [], fields, others);

export const clientTrailer =
  (name: string, value: string): Fact =>
  ({ client: { answer } }) => {
    if (valuesOf(answer?.fields ?? [], name).length > 0) return `${name} became a header`;
    return valuesOf(answer?.trailers ?? [], name).join() === value
      ? undefined
      : 'the client got no trailer';
  };

/** The client got interim answers with these statuses, in this order. */
export const clientInterim =
  (...statuses: number[]): Fact =>
  ({ client: { interim } }) => {
    const got = interim.map(({ status }) => status);
    return got.join() === statuses.join()
      ? undefined
      : `the client got ${got.join(', ') || 'nothing'} before the answer`;
  };

/** The client got these bytes after the switch to another protocol. */
export const clientStream =
  (bytes: string): Fact =>
  ({ client: { answer } }) =>
    answer?.rest === bytes ? undefined : 'the client got other bytes';

/** The target got this method and request target, byte for byte, with any version. */
export const targetAsked =
  (line: string): Fact =>
  (reached) => {
    const { startLine } = requestOf(reached) ?? {};
    if (startLine === undefined) return 'the target got no request';
    const asked = startLine.replace(/ HTTP\/1\.[01]$/, '');
    return asked === line ? undefined : 'the target got another request line';
  };

export const targetField =
  (name: string, ...values: string[]): Fact =>
  (reached) =>
    fieldFault('the target', requestOf(reached)?.fields ?? [], name, values);

export const targetLacks =
  (...names: string[]): Fact =>
  (reached) =>
    presenceFault('the target', requestOf(reached)?.fields ?? [], names);

/** The request has these fields in this order and letter case; of others, only those allowed. */
export const targetFields =
  (fields: readonly Field[], others: readonly string[] | 'any'): Fact =>
  (reached) =>
    orderFault('the target', requestOf(reached)?.fields ?? [], fields, others);

/** The target got the whole body, framed by a length or chunks. */
export const targetBody =
  (body: string): Fact =>
  (reached) => {
    const request = requestOf(reached);
    if (!request) return 'the target got no request';
    if (request.rest !== '' || (request.framing === 'none' && body !== '')) {
      return 'the target got a body without framing';
    }
    if (!request.complete) return 'the target waits for more';
    return request.body === body ? undefined : 'the target got another body';
  };

/** The target can tell that the body is incomplete. */
export const targetSawBreak: Fact = ({ targets }) => {
  for (const { request, ending } of targets) {
    if (request?.complete) return 'the target saw a whole body';
    if (ending === 'open') return 'the target hangs';
  }
  return undefined;
};

export const targetTrailer =
  (name: string, value: string): Fact =>
  (reached) => {
    const request = requestOf(reached);
    if (valuesOf(request?.fields ?? [], name).length > 0) return `${name} became a header`;
    return valuesOf(request?.trailers ?? [], name).join() === value
      ? undefined
      : 'the target got no trailer';
  };

/** The target got these bytes after the switch to another protocol. */
export const targetStream =
  (bytes: string): Fact =>
  (reached) =>
    requestOf(reached)?.rest === bytes ? undefined : 'the target got other bytes';

const targetUnasked: Fact = ({ targets }) =>
  targets.some(({ got }) => got !== '') ? 'the target got a request' : undefined;

/** The request was refused with one of these statuses, and the target got no byte of it. */
export const refused = (...statuses: number[]): Fact[] => [clientGot(...statuses), targetUnasked];

function requestOf({ targets }: Reached) {
  return targets.find(({ request }) => request)?.request;
}

function fieldFault(who: string, fields: Field[], name: string, values: string[]) {
  const found = valuesOf(fields, name);
  if (found.join('\n') === values.join('\n')) return undefined;
  return found.length === 0 ? `${who} got no ${name}` : `${who} got another ${name}`;
}

function presenceFault(who: string, fields: Field[], names: string[]) {
  const found = names.filter((name) => valuesOf(fields, name).length > 0);
  return found.length === 0 ? undefined : `${who} got ${found.join(', ')}`;
}

function orderFault(
  who: string,
  fields: Field[],
  wanted: readonly Field[],
  others: readonly string[] | 'any',
) {
  const names = new Set(wanted.map(([name]) => name));
  const allowed = others === 'any' ? null : others.map((name) => name.toLowerCase());
  const added = fields
    .map(([name]) => name)
    .filter((name) => !names.has(name) && allowed && !allowed.includes(name.toLowerCase()));
  if (added.length > 0) return `${who} got ${added.join(', ')} as well`;
  const kept = fields.filter(([name]) => names.has(name));
  if (JSON.stringify(kept) === JSON.stringify(wanted)) return undefined;
  if (kept.length < wanted.length) return `${who} got fewer fields`;
  const inOrder = kept.every(([name], index) => name === wanted[index]?.[0]);
  return `${who} got the fields ${inOrder ? 'with other values' : 'in another order'}`;
}

/** A strict recipient accepts the HTTP that both sides got. */
const syntax: Fact = ({ client, targets }) => {
  const toClient = [...client.interim, client.answer].flatMap((each) => each?.faults ?? []);
  if (toClient.length > 0) return `the client got ${toClient[0]}`;
  const toTarget = targets.flatMap(({ request }) => request?.faults ?? []);
  return toTarget.length > 0 ? `the target got ${toTarget[0]}` : undefined;
};

const alwaysRight: Record<AlwaysRight, Fact> = {
  'names nobody': ({ authority, client, targets }) => {
    if (valuesOf(client.answer?.fields ?? [], 'Via').length > 0) return 'the client got Via';
    for (const { request } of targets) {
      if (!request) continue;
      const hosts = valuesOf(request.fields, 'Host');
      if (hosts.join('\n') !== authority) return 'the target got another Host';
      const hop = ['Proxy-Authorization', 'Proxy-Connection'];
      const names = ['Via', 'Forwarded', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Real-IP'];
      const fault = presenceFault('the target', request.fields, [...hop, ...names]);
      if (fault) return fault;
    }
    return undefined;
  },
  'one request': ({ targets }) =>
    targets.some(({ request }) => request && request.rest !== '')
      ? 'the target got bytes after the request'
      : undefined,
  'one answer': ({ client: { answer } }) =>
    answer && answer.rest !== '' ? 'the client got bytes after the answer' : undefined,
};
