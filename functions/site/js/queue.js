// Many calls, a few at a time, with retries while the service is busy.

/** Attempts per task: after a response that says busy, and without any response. */
const RETRIES = { busy: 8, network: 3 };
/** For tasks with retries of their own. */
export const NO_RETRY = { busy: 1, network: 1 };
const MAX_WAIT_S = 20;

const seconds = (time) => new Promise((resolve) => setTimeout(resolve, time * 1e3));

/** Resolves when the browser has a connection. */
const online = () =>
  navigator.onLine ? Promise.resolve() : new Promise((resolve) => addEventListener("online", resolve, { once: true }));

/**
 * Runs tasks, `width` at a time. A response with Retry-After (429, 503) delays every task by that time, since the service
 * is busy for all of them. onWait(seconds) is called when the delay begins, onWait(0) when it ends.
 */
export class Queue {
  #width;
  #waiting = [];
  #running = 0;
  #held = Promise.resolve();
  #onWait;
  #tries;

  constructor(width, onWait = () => {}, tries = RETRIES) {
    this.#width = width;
    this.#onWait = onWait;
    this.#tries = tries;
  }

  /** Add a task, an async function; returns a promise of its result. */
  add(task) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ task, resolve, reject, tries: 0 });
      this.#next();
    });
  }

  /** Drop the tasks that have not started; their promises are rejected with `reason`. */
  clear(reason) {
    for (const entry of this.#waiting.splice(0)) entry.reject(reason);
  }

  async #next() {
    if (this.#running >= this.#width || this.#waiting.length === 0) return;
    this.#running += 1;
    await online();
    await this.#held;
    const entry = this.#waiting.shift();
    if (entry) await this.#run(entry);
    this.#running -= 1;
    this.#next();
  }

  async #run(entry) {
    try {
      entry.resolve(await entry.task());
    } catch (error) {
      entry.tries += 1;
      const maxTries = error.status === 0 ? this.#tries.network : this.#tries.busy;
      if (!error.retryable || error.status === 500 || entry.tries >= maxTries) {
        entry.reject(error);
        return;
      }
      this.#waiting.unshift(entry);
      if (navigator.onLine) await this.#hold(error.retryAfter ?? Math.min(MAX_WAIT_S, 0.5 * 2 ** entry.tries));
    }
  }

  async #hold(time) {
    this.#onWait(time);
    const held = seconds(time);
    this.#held = Promise.all([this.#held, held]).then(() => this.#onWait(0));
    await held;
  }
}
