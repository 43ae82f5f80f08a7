/** A failure that the person at the terminal can fix. It has the problem and the next step. */
export class StackError extends Error {
  /** The next step, as a sentence. */
  readonly remedy: string;

  constructor(problem: string, remedy: string, options?: ErrorOptions) {
    super(problem, options);
    this.name = 'StackError';
    this.remedy = remedy;
  }
}
