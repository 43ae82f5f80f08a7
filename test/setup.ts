import { afterEach, vi } from 'vitest';
import { undescribed } from './description/checked-answers.ts';

// every answer of the API that any test gets is checked against its description, also where the
// test, or a client that it uses, takes a `fetch` that fails for a lost connection
afterEach(() => {
  const [first] = undescribed.splice(0);
  if (first) throw first;
});

// a second, after which it gives up by itself, is soon over on a busy machine; a hang is still a failure
const { waitFor } = vi;
const patientMs = 90_000;
if (waitFor.name !== 'waitPatiently') {
  vi.waitFor = function waitPatiently(callback, options = patientMs) {
    return waitFor(callback, options);
  };
}
