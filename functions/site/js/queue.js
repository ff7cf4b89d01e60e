// Many calls, few at once, patient with a busy service.

/** Tries of one task: where the service put it off, and where no answer came at all. */
const PATIENT = { busy: 8, network: 3 };
/** For tasks that try again by themselves. */
export const ONCE = { busy: 1, network: 1 };
const LONGEST_S = 20;

const seconds = (time) => new Promise((resolve) => setTimeout(resolve, time * 1e3));

/** Resolves when the browser has a connection. */
const online = () =>
  navigator.onLine ? Promise.resolve() : new Promise((resolve) => addEventListener("online", resolve, { once: true }));

/**
 * Runs tasks, `width` at once. A refusal with Retry-After (429, 503) holds back every task for that time: the service
 * is busy for all of them. onWait(seconds) tells of it, onWait(0) when it goes on.
 */
export class Queue {
  #width;
  #waiting = [];
  #running = 0;
  #held = Promise.resolve();
  #onWait;
  #tries;

  constructor(width, onWait = () => {}, tries = PATIENT) {
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

  /** Forget what has not begun; its promises are rejected with `reason`. */
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
      const most = error.status === 0 ? this.#tries.network : this.#tries.busy;
      if (!error.passing || error.status === 500 || entry.tries >= most) {
        entry.reject(error);
        return;
      }
      this.#waiting.unshift(entry);
      if (navigator.onLine) await this.#hold(error.retryAfter ?? Math.min(LONGEST_S, 0.5 * 2 ** entry.tries));
    }
  }

  async #hold(time) {
    this.#onWait(time);
    const held = seconds(time);
    this.#held = Promise.all([this.#held, held]).then(() => this.#onWait(0));
    await held;
  }
}
