import { type RefObject, useEffect, useRef, useState } from 'react';

/** A text that can be copied: the action, the element that shows it, and the result. */
export interface Copying {
  copy(): Promise<void>;
  /** The element that shows the text; it is selected if there is no clipboard. */
  shown: RefObject<HTMLElement | null>;
  copied: boolean;
  /** The result in words, shown for a few seconds; empty if nothing was copied. */
  outcome: string;
}

const words = { copied: 'Copied.', selected: 'Selected. Press Ctrl+C or ⌘C to copy.' };

/** Copies a text, or selects it if there is no clipboard. */
export function useCopy(text: string): Copying {
  const shown = useRef<HTMLElement>(null);
  const [outcome, setOutcome] = useState<keyof typeof words>();

  useEffect(() => {
    if (!outcome) return;
    const timer = setTimeout(() => setOutcome(undefined), 4_000);
    return () => clearTimeout(timer);
  }, [outcome]);

  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      setOutcome('copied');
    } catch {
      // an insecure origin has no clipboard, and a browser may refuse it
      if (shown.current) getSelection()?.selectAllChildren(shown.current);
      setOutcome('selected');
    }
  }
  return { copy, shown, copied: outcome === 'copied', outcome: outcome ? words[outcome] : '' };
}
