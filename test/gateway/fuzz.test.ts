import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { SeededRandom } from '../support/gateway/seeded-random.ts';
import { connectOwner } from '../support/personas.ts';
import { clientCase } from './fuzz/client-cases.ts';
import { foundCases } from './fuzz/found-cases.ts';
import { openFuzzBed } from './fuzz/fuzz-bed.ts';
import { makeFuzzKey } from './fuzz/fuzz-key.ts';
import { type FuzzedGateway, startFuzzedGateway } from './fuzz/fuzzed-gateway.ts';
import { expectNothingLeft, fuzz } from './fuzz/fuzzing.ts';
import { targetCase } from './fuzz/target-cases.ts';
import { type DeafTarget, startDeafTarget } from './targets/deaf-target.ts';

const stack = inject('stack');
const sql = connectOwner();
// new seeds are for `npm run fuzz`
const seed = Number(process.env.TEST_SEED ?? 12);
/** Enough that 1,600 bytes kept of each case are seen: `expectNothingLeft`. */
const casesARound = 700;

let gateway: FuzzedGateway;
let deaf: DeafTarget;
let basicAuth: string;

beforeAll(async () => {
  basicAuth = await makeFuzzKey(sql);
  deaf = await startDeafTarget();
  gateway = await startFuzzedGateway(stack.gatewayDbUrl, basicAuth);
});

afterAll(async () => {
  await gateway.stop();
  await Promise.all([deaf.close(), sql.end()]);
});

it('regression: what fuzzing once found', async () => {
  const bed = await openFuzzBed(gateway.port, deaf.port);
  for (const fuzzCase of foundCases(basicAuth)) {
    expect(await bed.run(fuzzCase), fuzzCase.kind).toBeNull();
  }
  expect(gateway.failure()).toBeNull();
  await bed.close();
});

it('broken clients and targets by the hundred harm nobody, and leave nothing', async () => {
  await gateway.serves();
  const first = await gateway.settled();
  // connections to the database are made as they are needed
  let held = { ...first, sockets: first.sockets + 8 };
  for (let round = 0; round < 2; round += 1) {
    let number = round * casesARound;
    const last = number + casesARound;
    const next = () => {
      if (number === last) return undefined;
      const makeCase = number % 2 === 0 ? clientCase : targetCase;
      return makeCase(new SeededRandom(seed + number++), basicAuth);
    };
    const findings = await fuzz(next, { gateway, deafPort: deaf.port, atOnce: 40 });
    expect(findings, `TEST_SEED=${seed}`).toEqual([]);
    // what the first round has compiled is no leak
    if (round > 0) held = await expectNothingLeft(gateway, held, casesARound);
    else held = await gateway.settled(held.sockets);
  }
});
