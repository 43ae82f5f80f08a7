/** The interval between progress messages, in ms. */
const silence = 2000;

/** Runs `work`; while it takes long, passes what it is doing and the elapsed time to `say`. */
export async function sayWhile<Result>(
  doing: () => string,
  say: (progress: string) => void,
  work: () => Promise<Result>,
): Promise<Result> {
  const startedAt = performance.now();
  const timer = setInterval(() => {
    say(`${doing()}: ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  }, silence);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
