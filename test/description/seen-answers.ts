import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Answer } from './answer-checker.ts';
import { type Description, matcherOf, routesOf } from './description.ts';

/** Appends an answer to a file that all test processes share, as one line in one write. */
export function noteAnswer(file: string, { method, path, status }: Answer): void {
  appendFileSync(file, `${JSON.stringify([method, path, status])}\n`);
}

/**
 * Records the answers that a run sees, to list at the end the described ones that it has not seen.
 */
export function openSeenAnswers(description: Description): {
  file: string;
  close(): void;
} {
  const folder = mkdtempSync(join(tmpdir(), 'seen-answers-'));
  const file = join(folder, 'answers.ndjson');
  appendFileSync(file, '');
  return {
    file,
    close() {
      const lines = new Set(readFileSync(file, 'utf8').trimEnd().split('\n').filter(Boolean));
      rmSync(folder, { recursive: true });
      const seen = [...lines].map((line) => JSON.parse(line) as [string, string, number]);
      const unseen = unseenAnswers(description, seen);
      console.log(`Described answers that no test has seen:\n  ${unseen.join('\n  ')}`);
    },
  };
}

/** The described answers that are not among the seen ones. */
export function unseenAnswers(
  description: Description,
  seen: [method: string, path: string, status: number][],
): string[] {
  return routesOf(description).flatMap(({ method, path, operation }) => {
    const pattern = matcherOf(path);
    const statuses = new Set(
      seen.filter(([by, at]) => by === method && pattern.test(at)).map(([, , status]) => status),
    );
    return Object.keys(operation.responses)
      .filter((status) => !statuses.has(Number(status)))
      .map((status) => `${method} ${path} ${status}`);
  });
}
