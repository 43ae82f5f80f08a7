import { afterAll, describe, expect, it } from 'vitest';
import { gatewayVersion, oldestSchemaVersion } from '../../gateway/versions.ts';
import { connectGateway, connectOwner } from '../support/personas.ts';

const sql = connectOwner();
const gateway = connectGateway(1);
afterAll(() => Promise.all([sql.end(), gateway.end()]));

describe('the schema’s version', () => {
  it('is compatible with the gateway in the same release', async () => {
    const [row] = await gateway`select * from gateway.schema_version()`;
    expect(row?.version).toBeGreaterThanOrEqual(oldestSchemaVersion);
    expect(row?.oldest_gateway_version).toBeLessThanOrEqual(gatewayVersion);
  });

  it.each([
    ['a second row', 'insert into proxy_private.schema_version values (true, 2, 1, 1)', '23505'],
    [
      'a row whose key is false',
      'insert into proxy_private.schema_version values (false, 2, 1, 1)',
      '23514',
    ],
    ['a deletion', 'delete from proxy_private.schema_version', '23514'],
    ['a truncation', 'truncate proxy_private.schema_version', '23514'],
    ['version 0', 'update proxy_private.schema_version set version = 0', '23514'],
    ['a null version', 'update proxy_private.schema_version set version = null', '23502'],
    [
      'gateway version 0 as the oldest',
      'update proxy_private.schema_version set oldest_gateway_version = 0',
      '23514',
    ],
    [
      'functions version 0 as the oldest',
      'update proxy_private.schema_version set oldest_functions_version = 0',
      '23514',
    ],
  ])('refuses %s', async (_, statement, code) => {
    await expect(sql.unsafe(statement)).rejects.toMatchObject({ code });
  });
});
