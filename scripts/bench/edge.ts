import { furnishBusyUser } from './edge/busy-user.ts';
import { furnishWebhooks } from './edge/busy-webhooks.ts';
import { measureRequest } from './edge/measured-function.ts';
import { worstRequests } from './edge/worst-requests.ts';
import type { Measuring } from './measuring.ts';
import { formatUse } from './report.ts';

/** Measures how much of the platform's limits for a function each route uses in its worst case. */
export async function measureEdge(measuring: Measuring): Promise<void> {
  const { stack, scene, size, report, signal, tell } = measuring;
  if (process.platform !== 'linux') {
    tell('edge: skipped, as only Linux reports what a process uses');
    return;
  }
  const [[user], [admin]] = await Promise.all([
    scene.newUsers(1),
    scene.newUsers(1, { admin: true }),
  ]);
  if (!user || !admin) throw new Error('two users were not created');
  tell(`edge: filling the tables with ${size.events} events`);
  const key = await furnishBusyUser(measuring, user, {
    events: size.events,
    keys: size.listedKeys,
    hours: 1_000,
    hosts: 1_000,
    grants: 200,
  });
  const webhooks = await furnishWebhooks(measuring.sql, user);
  const busy = { user, key, admin, webhooks };
  for (const { name, expect, ...request } of worstRequests(busy)) {
    signal.throwIfAborted();
    const use = await measureRequest(stack, request);
    // the measurement would be meaningless
    if (use.status !== expect) throw new Error(`${name} returned ${use.status}`);
    const row = { group: 'edge', name, ...use };
    report.uses.push(row);
    tell(`edge: ${formatUse(row).join(', ')}`);
  }
}
