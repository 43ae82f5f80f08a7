import { furnishBusyUser } from './edge/busy-user.ts';
import { furnishWebhooks } from './edge/busy-webhooks.ts';
import { measureRequest } from './edge/measured-function.ts';
import { worstRequests } from './edge/worst-requests.ts';
import type { Measuring } from './measuring.ts';
import { formatUse } from './report.ts';

/** What each route takes at its worst of the limits that the platform sets to a function. */
export async function measureEdge(measuring: Measuring): Promise<void> {
  const { stack, scene, size, report, signal, tell } = measuring;
  if (process.platform !== 'linux') {
    tell('edge: Linux alone tells what a process takes');
    return;
  }
  const [[user], [admin]] = await Promise.all([
    scene.newUsers(1),
    scene.newUsers(1, { admin: true }),
  ]);
  if (!user || !admin) throw new Error('two users were asked for');
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
    // what was measured was not the thing to measure
    if (use.status !== expect) throw new Error(`${name} was answered with ${use.status}`);
    const row = { group: 'edge', name, ...use };
    report.uses.push(row);
    tell(`edge: ${formatUse(row).join(', ')}`);
  }
}
