// A keyboard user must not start at the top of the page again because the focused element was removed:
// a deleted row, a used button, a dialog. Menus and dialogs are outside the root element.

/** The element that had the focus last, and its ancestors that can have it. */
let trail: HTMLElement[] = [];

function remember({ target }: Event): void {
  if (!(target instanceof HTMLElement) || !target.closest('#root')) return;
  trail = [target];
  for (let around = target.parentElement; around; around = around.parentElement) {
    if (around.tabIndex === -1 && around.hasAttribute('tabindex')) trail.push(around);
  }
}

/** A press on the page removes the focus on purpose. */
function forget({ target }: Event): void {
  if (target instanceof Element && target.closest('#root')) trail = [];
}

/** Focuses the nearest remaining element of the trail, or the page's heading if none remains. */
export function returnFocus(): void {
  if (trail.length === 0 || document.activeElement !== document.body) return;
  const left = trail.find((element) => element.isConnected);
  (left ?? document.querySelector<HTMLElement>('main h1'))?.focus({ preventScroll: true });
}

/** Keeps the focus in the page when a focused element is removed. */
export function keepFocus(): void {
  document.addEventListener('pointerdown', forget);
  document.addEventListener('focusin', remember);
  const root = document.getElementById('root');
  if (!root) return;
  new MutationObserver(() => {
    if (trail[0]?.isConnected === false) returnFocus();
  }).observe(root, { childList: true, subtree: true });
}
