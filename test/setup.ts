import { afterEach, vi } from 'vitest';
import { undescribed } from './description/checked-answers.ts';

// checks every API answer that a test gets against the description, even if the test, or a client
// in it, uses a `fetch` that simulates a lost connection
afterEach(() => {
  const [first] = undescribed.splice(0);
  if (first) throw first;
});

// the default timeout of a second is too short on a busy machine; a hang still fails
const { waitFor } = vi;
const patientMs = 90_000;
if (waitFor.name !== 'waitPatiently') {
  vi.waitFor = function waitPatiently(callback, options = patientMs) {
    return waitFor(callback, options);
  };
}
