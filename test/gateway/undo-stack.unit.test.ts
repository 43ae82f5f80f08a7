import { expect, it } from 'vitest';
import { UndoStack } from '../../gateway/undo-stack.ts';

function recorder() {
  const done: string[] = [];
  const step =
    (name: string, fails = false) =>
    async () => {
      done.push(name);
      if (fails) throw new Error(name);
    };
  return { done, step };
}

it('undoes in reverse order, once, at the end of its scope', async () => {
  const { done, step } = recorder();
  {
    await using undo = new UndoStack();
    undo.defer(step('first'));
    undo.defer(step('second'));
    expect(done).toEqual([]);
  }
  expect(done).toEqual(['second', 'first']);
});

it('undoes no moved steps until the other stack is disposed', async () => {
  const { done, step } = recorder();
  const undo = new UndoStack();
  undo.defer(step('first'));
  const moved = undo.move();
  await undo.disposeAsync();
  expect(done).toEqual([]);
  await moved.disposeAsync();
  await moved.disposeAsync();
  expect(done).toEqual(['first']);
});

it('runs the other steps if one fails, then rejects with its error', async () => {
  const { done, step } = recorder();
  const undo = new UndoStack();
  undo.defer(step('first'));
  undo.defer(() => {
    throw new Error('second');
  });
  await expect(undo.disposeAsync()).rejects.toThrow('second');
  expect(done).toEqual(['first']);
});

it('rejects with all errors if several steps fail', async () => {
  const { step } = recorder();
  const undo = new UndoStack();
  undo.defer(step('first', true));
  undo.defer(step('second', true));
  await expect(undo.disposeAsync()).rejects.toMatchObject({
    errors: [{ message: 'second' }, { message: 'first' }],
  });
});
