import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { Refusal } from '../data/refusal.ts';

/** Something that changes what there is: whether it is under way, and why it was not done. */
export interface Action<Input extends unknown[]> {
  run(...input: Input): Promise<void>;
  busy: boolean;
  refusal: Refusal | undefined;
}

/**
 * Makes an action of `act`: one at a time, its refusal kept until the next try, and all that was read
 * before read again after it. `act` shows what came of it by itself; nothing of its answer is kept.
 */
export function useAction<Input extends unknown[]>(
  act: (...input: Input) => Promise<void>,
): Action<Input> {
  const queryClient = useQueryClient();
  const running = useRef(false);
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Refusal>();

  async function run(...input: Input) {
    if (running.current) return;
    running.current = true;
    setBusy(true);
    setRefusal(undefined);
    try {
      await act(...input);
    } catch (error) {
      setRefusal(error instanceof Refusal ? error : new Refusal('internal'));
    } finally {
      running.current = false;
      setBusy(false);
      void queryClient.invalidateQueries();
    }
  }
  return { run, busy, refusal };
}
