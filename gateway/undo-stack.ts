/**
 * Steps to undo in reverse order, whether or not some of them fail: the AsyncDisposableStack of ES2026
 * as far as it is used here, which Node 22 does not have.
 */
export class UndoStack implements AsyncDisposable {
  #steps: (() => Promise<void>)[] = [];

  /** Adds a step, which is done before those that were added earlier. */
  defer(step: () => Promise<void>): void {
    this.#steps.push(step);
  }

  /** Moves all steps to another stack, so that the end of this one's scope undoes nothing. */
  move(): UndoStack {
    const moved = new UndoStack();
    moved.#steps = this.#steps;
    this.#steps = [];
    return moved;
  }

  /** Does each step once. Rejects with its error where one failed, or with all errors. */
  async disposeAsync(): Promise<void> {
    const errors: unknown[] = [];
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, 'several steps could not be undone');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.disposeAsync();
  }
}
