import { once } from 'node:events';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseProxyRanges } from '../../../gateway/listeners/proxy-ranges.ts';
import { connectTo, startTestGateway } from '../../support/gateway/gateway-fixture.ts';
import type { UsableKey } from '../../support/gateway/key-owner.ts';
import { connectOwner } from '../../support/personas.ts';
import { overrideLimits } from '../../support/seeded-keys.ts';
import { startWarmGateway, type WarmGateway } from '../keys/warm-gateway.ts';
import { headerV2 } from '../listeners/proxy-headers.ts';
import { ask, basic, keyRequest } from './own-key-scene.ts';

const sql = connectOwner();
const here = { localAddress: '127.0.0.1' };
const elsewhere = { localAddress: '127.0.0.2' };
let warm: WarmGateway;
let key: UsableKey;

beforeEach(async () => {
  warm = await startWarmGateway(sql);
  key = await warm.newKey();
});
afterEach(() => warm.close());
afterAll(() => sql.end());

const own = (basicAuth = key.basicAuth, place = here, header?: string) =>
  ask(warm.gateway.port, keyRequest([basic(basicAuth, header)]), place);
/** The status and code with either header. */
const refusals = async (basicAuth = key.basicAuth, place = here) => {
  const answers = [];
  for (const header of ['Authorization', 'Proxy-Authorization']) {
    const { status, code } = await own(basicAuth, place, header);
    answers.push(`${status} ${code}`);
  }
  return answers;
};
const unauthorized = ['401 credentials_required', '407 credentials_required'];
const wrong = '0'.repeat(64);

describe('credentials', () => {
  it('that are missing, malformed or wrong get 401 with a challenge for clients of a site', async () => {
    const challenge = 'Basic realm="proxy keys", charset="UTF-8"';
    for (const headers of [
      [],
      ['Authorization: Bearer x'],
      [basic(key.keyId)],
      [basic(`${key.keyId}:${wrong}`)],
      [basic(`avp_live_ffffffffffff:${wrong}`)],
    ]) {
      const answer = await ask(warm.gateway.port, keyRequest(headers));
      expect([answer.status, answer.code]).toEqual([401, 'credentials_required']);
      expect(answer.headers['www-authenticate']).toBe(challenge);
      expect(answer.headers).not.toHaveProperty('proxy-authenticate');
    }
  });

  it('in Proxy-Authorization get 407 with a challenge for clients of a proxy, as a CONNECT does', async () => {
    const answer = await own(`${key.keyId}:${wrong}`, here, 'Proxy-Authorization');
    expect([answer.status, answer.code]).toEqual([407, 'credentials_required']);
    expect(answer.headers['proxy-authenticate']).toMatch(/^Basic /);
    expect(answer.headers).not.toHaveProperty('www-authenticate');
  });

  it('in both headers: those in Proxy-Authorization count', async () => {
    const other = await warm.newKey();
    const both = (authorization: string, proxyAuthorization: string) =>
      ask(
        warm.gateway.port,
        keyRequest([basic(authorization), basic(proxyAuthorization, 'Proxy-Authorization')]),
      );
    expect((await both(other.basicAuth, key.basicAuth)).key.keyId).toBe(key.keyId);
    expect((await both(key.basicAuth, `${key.keyId}:${wrong}`)).status).toBe(407);
  });
});

describe('a key', () => {
  it('that an admin suspended is refused, and works again after reactivation', async () => {
    await sql`update proxy_private.proxy_keys set suspended_at = now() where id = ${key.id}`;
    await warm.changeArrives();
    expect(await refusals()).toEqual(['403 key_suspended', '403 key_suspended']);
    // without the secret, a caller does not learn it
    expect(await refusals(`${key.keyId}:${wrong}`)).toEqual(unauthorized);
    await sql`update proxy_private.proxy_keys set suspended_at = null where id = ${key.id}`;
    await warm.changeArrives();
    expect((await own()).status).toBe(200);
  });

  it('that was deleted is refused', async () => {
    await warm.owner.persona.supabase.rpc('delete_proxy_key', { id: key.id });
    await warm.changeArrives();
    expect(await refusals()).toEqual(unauthorized);
  });

  it('that expires shows when, and is refused from then on', async () => {
    const expiresAt = new Date(1_000 * Math.ceil(Date.now() / 1_000) + 20_000).toISOString();
    const { error } = await warm.owner.persona.supabase.rpc('update_proxy_key', {
      id: key.id,
      changes: { expires_at: expiresAt },
    });
    expect(error).toBeNull();
    await warm.changeArrives();
    expect((await own()).key.expiresAt).toBe(expiresAt);
    warm.clock.now += 21_000;
    expect(await refusals()).toEqual(unauthorized);
  });

  it('that is rotated works with both secrets during its grace, and afterwards with the new one', async () => {
    const { data } = await warm.owner.persona.supabase.rpc('rotate_proxy_key', {
      id: key.id,
      grace_seconds: 20,
    });
    const rotatedAt = Date.now();
    await warm.changeArrives();
    const fresh = String(data?.basic_auth);
    for (const secret of [fresh, key.basicAuth]) {
      const { status, key: state } = await own(secret);
      expect(status).toBe(200);
      // both clocks are the same machine's, and a request takes time
      expect(Math.abs(Date.parse(state.graceEndsAt ?? '') - rotatedAt - 20_000)).toBeLessThan(
        10_000,
      );
    }
    warm.clock.now += 20_000;
    expect(await refusals(key.basicAuth)).toEqual(unauthorized);
    expect((await own(fresh)).status).toBe(200);
  });

  it('is refused to clients at addresses that it does not allow, without a token of its rate', async () => {
    await overrideLimits(sql, key.id, { rate_limit: 1 });
    const { error } = await warm.owner.persona.supabase.rpc('update_proxy_key', {
      id: key.id,
      changes: { allowed_ips: ['127.0.0.1'] },
    });
    expect(error).toBeNull();
    await warm.changeArrives();
    const forbidden = '403 address_forbidden';
    expect(await refusals(key.basicAuth, elsewhere)).toEqual([forbidden, forbidden]);
    // the clock stands still: there is one token
    expect((await own(key.basicAuth, here)).status).toBe(200);
    expect((await own(key.basicAuth, here)).code).toBe('rate_limited');
  });
});

it('requests for /key and CONNECTs share one rate, and 429 has the time to wait', async () => {
  await overrideLimits(sql, key.id, { rate_limit: 2 });
  await warm.changeArrives();
  expect((await own()).status).toBe(200);
  expect(await warm.answerTo(key.basicAuth)).toBe('connected');
  const { status, code, headers } = await own();
  expect([status, code, headers['retry-after']]).toEqual([429, 'rate_limited', '1']);
  expect(await warm.answerTo(key.basicAuth)).toBe('rate_limited');
  warm.clock.now += 500;
  expect((await own()).status).toBe(200);
});

it('requests for /key and CONNECTs share one cache', async () => {
  expect(await warm.answerTo(key.basicAuth)).toBe('connected');
  const lookups = await warm.lookups();
  expect((await own()).status).toBe(200);
  expect(await warm.lookups()).toBe(lookups);
});

it('a connection without a proven key counts for its address, and one with a proven key does not', async () => {
  const small = await startTestGateway({ unprovenPerAddress: 1 });
  /** A connection that has its answer, and stays open because its body is still arriving. */
  const hold = async (basicAuth: string) => {
    const socket = connectTo(small.port);
    socket.write(keyRequest([basic(basicAuth), 'Content-Length: 100000']));
    const [answer] = await once(socket, 'data');
    const body = setInterval(() => socket.write('x'), 50);
    socket.once('close', () => clearInterval(body));
    return { socket, status: Number(String(answer).split(' ')[1]) };
  };
  const own = () => ask(small.port, keyRequest([basic(key.basicAuth)]));
  const proven = await hold(key.basicAuth);
  expect([proven.status, (await own()).status]).toEqual([200, 200]);
  const unproven = await hold(`${key.keyId}:${wrong}`);
  expect([unproven.status, (await own()).code]).toEqual([401, 'unavailable']);
  unproven.socket.destroy();
  await vi.waitFor(async () => expect((await own()).status).toBe(200), 60_000);
  proven.socket.destroy();
  await small.stop();
});

it('behind a load balancer, the client is the one in the PROXY header', async () => {
  const gateway = await startTestGateway({ proxyProtocolFrom: parseProxyRanges('127.0.0.1') });
  await warm.owner.persona.supabase.rpc('update_proxy_key', {
    id: key.id,
    changes: { allowed_ips: ['203.0.113.7'] },
  });
  const through = (source: string) =>
    ask(
      gateway.port,
      Buffer.concat([headerV2({ source }), Buffer.from(keyRequest([basic(key.basicAuth)]))]),
    );
  expect((await through('203.0.113.7')).key.keyId).toBe(key.keyId);
  expect((await through('203.0.113.8')).code).toBe('address_forbidden');
  await gateway.stop();
});

it('no secret is in the log at any level, or in an answer', async () => {
  const answers = [await own(), await own(`${key.keyId}:${wrong}`)];
  expect(answers.map(({ status }) => status)).toEqual([200, 401]);
  const said = [...warm.gateway.logged, ...answers.map((answer) => JSON.stringify(answer))].join();
  expect(said).toContain(key.keyId);
  for (const secret of [key.secret, wrong]) {
    expect(said).not.toContain(secret);
    expect(said).not.toContain(Buffer.from(`${key.keyId}:${secret}`).toString('base64'));
  }
});
