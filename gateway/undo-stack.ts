/**
 * Cleanup steps that run in reverse order, even if some of them fail: the part of ES2026's
 * AsyncDisposableStack that is used here, as Node 22 does not have it.
 */
export class UndoStack implements AsyncDisposable {
  #steps: (() => Promise<void>)[] = [];

  /** Adds a step, which runs before those that were added earlier. */
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

  /** Runs each step once. Rejects with the error of the step that failed, or with all errors. */
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
