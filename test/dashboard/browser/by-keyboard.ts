import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** The focused element's name for a screen reader, and whether its focus is visible. */
export function focused(page: Page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (!element || element === document.body) return { name: '', visible: true };
    const labels = (element as HTMLInputElement).labels ?? [];
    const labelled =
      element.getAttribute('aria-label') ?? [...labels].map((l) => l.textContent).join();
    const box = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    const outlined = style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) > 0;
    const onScreen = box.bottom > 0 && box.top < innerHeight && box.width > 0;
    return { name: (labelled || element.textContent || '').trim(), visible: outlined && onScreen };
  });
}

/**
 * Presses Tab until an element with this name has the focus, and checks that its focus is visible.
 */
export async function tabTo(page: Page, name: string | RegExp, key = 'Tab'): Promise<void> {
  const passed: string[] = [];
  const wanted =
    typeof name === 'string' ? (text: string) => text === name : (text: string) => name.test(text);
  for (let stop = 0; stop < 60; stop++) {
    const now = await focused(page);
    if (wanted(now.name)) {
      expect(now, `the focus on “${now.name}” can be seen`).toMatchObject({ visible: true });
      return;
    }
    passed.push(now.name);
    await page.keyboard.press(key);
  }
  throw new Error(`Tab never reached ${name}, but: ${passed.join(' | ')}`);
}

/** Presses Enter on the element with this name. */
export async function press(page: Page, name: string | RegExp): Promise<void> {
  await tabTo(page, name);
  await page.keyboard.press('Enter');
}
