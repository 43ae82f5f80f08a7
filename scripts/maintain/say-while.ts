/** How long work may take before it is said that it goes on, and again after that: milliseconds. */
const silence = 2000;

/** Does something; while that takes long, `say` is given what is done, and for how long now. */
export async function sayWhile<Result>(
  doing: () => string,
  say: (progress: string) => void,
  work: () => Promise<Result>,
): Promise<Result> {
  const begun = performance.now();
  const timer = setInterval(() => {
    say(`${doing()}: ${((performance.now() - begun) / 1000).toFixed(0)} s`);
  }, silence);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
