import { type RefObject, useEffect, useRef, useState } from 'react';

/** A text that can be copied: what to do on a press, what holds it, and what came of it. */
export interface Copying {
  copy(): Promise<void>;
  /** The element that shows the text, which is selected where there is no clipboard. */
  shown: RefObject<HTMLElement | null>;
  copied: boolean;
  /** Words for it, to be shown for a few seconds; empty where nothing was copied. */
  outcome: string;
}

const words = { copied: 'Copied.', selected: 'Selected: copy it with Ctrl+C or ⌘C.' };

/** Copies a text, or selects it. */
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
