import { type RefObject, useEffect } from 'react';

/** Focuses the form's first invalid field each time `wrong` changes. */
export function useFocusOnWrong(form: RefObject<HTMLFormElement | null>, wrong: unknown): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the effect runs on each change
  useEffect(() => {
    form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [form, wrong]);
}
