import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { Refusal } from '../data/refusal.ts';

/** An action that changes data: whether it is running, and why it was refused. */
export interface Action<Input extends unknown[]> {
  run(...input: Input): Promise<void>;
  busy: boolean;
  refusal: Refusal | undefined;
}

/**
 * Makes an action of `act`: runs one at a time, keeps a refusal until the next try, and refetches all
 * queries afterwards. `act` shows its own result; the answer is not kept.
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
