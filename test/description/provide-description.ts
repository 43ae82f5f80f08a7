import type { TestProject } from 'vitest/node';
import { describeApi } from '../../scripts/api-description.ts';
import type { Description } from './description.ts';
import { openSeenAnswers } from './seen-answers.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    description: Description;
    /** Where tests record the answers that they see, if at all. */
    seenAnswersFile: string | null;
  }
}

/**
 * The description of the API for all tests. With `SHOW_UNSEEN_ANSWERS=1`, the run ends with a list
 * of the described answers that it has not seen.
 */
export default async function setup(project: TestProject): Promise<() => void> {
  const description = (await describeApi()) as Description;
  const seen = process.env.SHOW_UNSEEN_ANSWERS ? openSeenAnswers(description) : null;
  project.provide('description', description);
  project.provide('seenAnswersFile', seen?.file ?? null);
  return () => seen?.close();
}
