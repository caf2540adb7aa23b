// Waiting for something to become true, with a sentence for when it does not.

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Try until `holds` gives something true, which is returned; errors count as not yet. */
export async function until(what, holds, ms = 30_000, every = 100) {
  const end = Date.now() + ms;
  let last = '';
  for (;;) {
    try {
      const found = await holds();
      if (found) {
        return found;
      }
      last = '';
    } catch (error) {
      last = `: ${error.message}`;
    }
    if (Date.now() > end) {
      throw new Error(`not within ${ms} ms: ${what}${last}`);
    }
    await pause(every);
  }
}
