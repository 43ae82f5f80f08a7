import { type RefObject, useEffect } from 'react';

/** Moves the focus to the first field of the form that is marked as wrong, each time `wrong` changes. */
export function useFocusOnWrong(form: RefObject<HTMLFormElement | null>, wrong: unknown): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is the change that matters
  useEffect(() => {
    form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [form, wrong]);
}
