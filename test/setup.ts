import { afterEach, inject, vi } from 'vitest';
import { createCheckedFetch, type UndescribedAnswer } from './description/checked-fetch.ts';
import { noteAnswer } from './description/seen-answers.ts';

// every answer of the API that any test gets is checked against its description

const undescribed: UndescribedAnswer[] = [];

globalThis.fetch = createCheckedFetch({
  fetch: globalThis.fetch,
  async createCheck() {
    const { createAnswerChecker } = await import('./description/answer-checker.ts');
    const check = createAnswerChecker(inject('description'));
    const file = inject('seenAnswersFile');
    return (answer) => {
      if (file !== null) noteAnswer(file, answer);
      return check(answer);
    };
  },
  onDeviation: (error) => undescribed.push(error),
});

// also where the test, or a client that it uses, takes a `fetch` that fails for a lost connection
afterEach(() => {
  const [first] = undescribed.splice(0);
  if (first) throw first;
});

// a second, after which it gives up by itself, is soon over on a busy machine; a hang is still a failure
const { waitFor } = vi;
vi.waitFor = (callback, options = 90_000) => waitFor(callback, options);
