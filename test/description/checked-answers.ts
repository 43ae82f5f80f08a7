import { inject } from 'vitest';
import { createCheckedFetch, type UndescribedAnswer } from './checked-fetch.ts';
import { noteAnswer } from './seen-answers.ts';

/** The API answers that the running test got and the description does not allow. */
export const undescribed: UndescribedAnswer[] = [];

// once for all test files of a worker: compiling the description takes half a second
globalThis.fetch = createCheckedFetch({
  fetch: globalThis.fetch,
  async createCheck() {
    const { createAnswerChecker } = await import('./answer-checker.ts');
    const check = createAnswerChecker(inject('description'));
    const file = inject('seenAnswersFile');
    return (answer) => {
      if (file !== null) noteAnswer(file, answer);
      return check(answer);
    };
  },
  onDeviation: (error) => undescribed.push(error),
});
