// A keyboard user must not begin the page again because what had the focus went away: a row that
// was deleted, a button that has done its work, a dialog. Menus and dialogs are outside of the root.

/** What had the focus last, and what around it can have it. */
let trail: HTMLElement[] = [];

function remember({ target }: Event): void {
  if (!(target instanceof HTMLElement) || !target.closest('#root')) return;
  trail = [target];
  for (let around = target.parentElement; around; around = around.parentElement) {
    if (around.tabIndex === -1 && around.hasAttribute('tabindex')) trail.push(around);
  }
}

/** A press on nothing takes the focus away on purpose. */
function forget({ target }: Event): void {
  if (target instanceof Element && target.closest('#root')) trail = [];
}

/** Gives the focus to the nearest that is left of where it was; to the page's heading if nothing is. */
export function returnFocus(): void {
  if (trail.length === 0 || document.activeElement !== document.body) return;
  const left = trail.find((element) => element.isConnected);
  (left ?? document.querySelector<HTMLElement>('main h1'))?.focus({ preventScroll: true });
}

/** Keeps the focus in the page for as long as the page is there. */
export function keepFocus(): void {
  document.addEventListener('pointerdown', forget);
  document.addEventListener('focusin', remember);
  const root = document.getElementById('root');
  if (!root) return;
  new MutationObserver(() => {
    if (trail[0]?.isConnected === false) returnFocus();
  }).observe(root, { childList: true, subtree: true });
}
