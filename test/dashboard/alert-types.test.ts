import { afterAll, expect, it } from 'vitest';
import { alertTypes } from '../../dashboard/src/alerts/alert-types.ts';
import { connectOwner } from '../support/personas.ts';

const sql = connectOwner();
afterAll(() => sql.end());

it('the dashboard has words for exactly the alert types in the database', async () => {
  const [row] = await sql<{ types: string[] }[]>`select proxy_private.alert_types() as types`;
  expect(Object.keys(alertTypes).sort()).toEqual(row?.types.toSorted());
});
