/** A failure the person at the terminal can correct: says what is wrong, then what to do next. */
export class StackError extends Error {
  /** The next thing to do, as a sentence. */
  readonly remedy: string;

  constructor(problem: string, remedy: string, options?: ErrorOptions) {
    super(problem, options);
    this.name = 'StackError';
    this.remedy = remedy;
  }
}
