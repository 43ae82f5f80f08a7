import { afterAll, describe, expect, it } from 'vitest';
import { gatewayVersion, oldestSchemaVersion } from '../../gateway/versions.ts';
import { connectGateway, connectOwner } from '../support/personas.ts';

const sql = connectOwner();
const gateway = connectGateway(1);
afterAll(() => Promise.all([sql.end(), gateway.end()]));

describe('the schema’s version', () => {
  it('is that of the gateway that comes with it', async () => {
    const [row] = await gateway`select * from gateway.schema_version()`;
    expect(row?.version).toBeGreaterThanOrEqual(oldestSchemaVersion);
    expect(row?.oldest_gateway_version).toBeLessThanOrEqual(gatewayVersion);
  });

  it.each([
    ['a second one', 'insert into proxy_private.schema_version values (true, 2, 1, 1)', '23505'],
    [
      'one that is not the first',
      'insert into proxy_private.schema_version values (false, 2, 1, 1)',
      '23514',
    ],
    ['none', 'delete from proxy_private.schema_version', '23514'],
    ['none, at once', 'truncate proxy_private.schema_version', '23514'],
    ['version 0', 'update proxy_private.schema_version set version = 0', '23514'],
    ['an unknown one', 'update proxy_private.schema_version set version = null', '23502'],
    [
      'gateways of version 0',
      'update proxy_private.schema_version set oldest_gateway_version = 0',
      '23514',
    ],
    [
      'functions of version 0',
      'update proxy_private.schema_version set oldest_functions_version = 0',
      '23514',
    ],
  ])('is never %s', async (_, statement, code) => {
    await expect(sql.unsafe(statement)).rejects.toMatchObject({ code });
  });
});
