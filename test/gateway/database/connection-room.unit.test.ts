import { expect, it } from 'vitest';
import { explainRoom } from '../../../gateway/database/connection-room.ts';

const room = { login: 'proxy_gateway_eu_1', loginLimit: 20, serverLimit: 60, reserved: 3 };

it.each([
  [{}, 10, undefined],
  [{}, 20, undefined],
  [{}, 21, 'database_login_limit_too_small'],
  [{ loginLimit: -1 }, 57, undefined],
  [{ loginLimit: -1 }, 58, 'database_server_limit_too_small'],
  [{ loginLimit: 0 }, 3, 'database_login_limit_too_small'],
  [{ loginLimit: 5, serverLimit: 6 }, 10, 'database_login_limit_too_small'],
  [{ reserved: 58 }, 3, 'database_server_limit_too_small'],
])('with limits %o, a gateway that wants %i connections gets: %s', (limits, wanted, code) => {
  expect(explainRoom({ ...room, ...limits }, wanted)?.code).toBe(code);
});

it('suggests no value that the variable does not accept', () => {
  const few = { ...room, loginLimit: 2, reserved: 58 };
  expect(explainRoom(few, 3)?.sentence).not.toContain('GATEWAY_DATABASE_CONNECTIONS');
  expect(explainRoom({ ...few, loginLimit: -1 }, 3)?.sentence).not.toContain('GATEWAY_DATABASE');
});

it('quotes a login name that SQL would read differently', () => {
  const odd = { ...room, login: 'Proxy"Gateway' };
  expect(explainRoom(odd, 30)?.sentence).toContain(
    'alter role "Proxy""Gateway" connection limit 60.',
  );
});
