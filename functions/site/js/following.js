// Following what the service works on: its document is asked for again until it is over.
const MIN_POLL_S = 0.4;
const MAX_POLL_S = 3;

/**
 * Ask for a document again and again, more rarely while nothing changes. ask(): resolves to it.
 *
 * take(document): each of them; isOver(document): whether it was the last; signOfLife(document): what changes while there is progress.
 * fail(error): a call failed; those that may succeed later are repeated.
 */
export async function follow(ask, { signal, take, isOver, signOfLife, fail }) {
  let wait = MIN_POLL_S;
  let last = "";
  while (!signal.aborted) {
    try {
      const state = await ask();
      take(state);
      if (isOver(state)) return;
      const now = JSON.stringify(signOfLife(state));
      wait = now === last ? Math.min(MAX_POLL_S, wait * 1.3) : MIN_POLL_S;
      last = now;
    } catch (error) {
      if (signal.aborted) return;
      fail(error);
      if (!error.retryable) return;
    }
    await new Promise((resolve) => setTimeout(resolve, wait * 1e3));
  }
}
