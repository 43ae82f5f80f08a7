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
// `npm run fuzz` uses new seeds
const seed = Number(process.env.TEST_SEED ?? 12);
/** Enough cases for `expectNothingLeft` to notice 1,600 leaked bytes per case. */
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

it('regression: cases that fuzzing found', async () => {
  const bed = await openFuzzBed(gateway.port, deaf.port);
  for (const fuzzCase of foundCases(basicAuth)) {
    expect(await bed.run(fuzzCase), fuzzCase.kind).toBeNull();
  }
  expect(gateway.failure()).toBeNull();
  await bed.close();
});

it('hundreds of broken clients and targets harm no one else, and leak nothing', async () => {
  await gateway.serves();
  const first = await gateway.settled();
  // database connections open on demand
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
    // code compiled in the first round is not a leak
    if (round > 0) held = await expectNothingLeft(gateway, held, casesARound);
    else held = await gateway.settled(held.sockets);
  }
});
