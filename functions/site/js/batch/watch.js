// What has become of a batch: counts and files, asked for until nothing waits any more.
import { Refusal, call } from "../api.js";

const FASTEST_S = 0.7;
const SLOWEST_S = 5;
const FILES = 50;
const LISTED = 500;

const path = (batch, query) => `/v1/batches/${encodeURIComponent(batch)}?${new URLSearchParams(query)}`;

/** Counts of a whole batch of one model, however many pages they take. */
async function counts(batch, model, signal) {
  const total = { total: 0, waiting: 0, done: 0, failed: 0 };
  for (let next = null; ; ) {
    const page = await call(path(batch, { model, limit: 0, ...(next ? { next } : {}) }), { signal });
    for (const name of Object.keys(total)) total[name] += page.counts[name];
    if (page.complete || !page.next) return total;
    next = page.next;
  }
}

/** A page of files with their records. */
export const filesOf = (batch, model, { state, next, limit = FILES }, signal) =>
  call(path(batch, { model, limit, records: true, ...(state ? { state } : {}), ...(next ? { next } : {}) }), { signal });

/** Names and sizes of everything that has arrived, to know what need not be sent again. */
export async function arrivedIn(batch, model, signal) {
  const arrived = new Map();
  try {
    for (let next = null; ; ) {
      const page = await call(path(batch, { model, limit: LISTED, ...(next ? { next } : {}) }), { signal });
      for (const { name, size } of page.files) arrived.set(name, size);
      if (!page.next) return arrived;
      next = page.next;
    }
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return arrived;
    throw error;
  }
}

/** Which models have files in a batch. Throws a Refusal with status 404 where there is no such batch. */
export const modelsOf = async (batch) => Object.keys((await call(path(batch, { limit: 0 }), {})).models);

/** Asks until `settled()` and nothing waits; onCounts(counts), onError(refusal) while it goes on trying. */
export class Watch {
  constructor(batch, model, { onCounts, onError, settled }) {
    Object.assign(this, { batch, model, onCounts, onError, settled });
    this.stopping = new AbortController();
    this.wait = FASTEST_S;
    this.running = false;
  }

  /** Begin, or go on after more was uploaded. */
  start() {
    if (!this.running) this.#run();
  }

  stop() {
    this.stopping.abort();
  }

  async #run() {
    this.running = true;
    const { signal } = this.stopping;
    let last = "";
    while (!signal.aborted) {
      const settled = this.settled();
      let found = null;
      try {
        found = await counts(this.batch, this.model, signal);
      } catch (error) {
        if (signal.aborted) break;
        // Nothing has arrived yet: to be expected while the first upload is on its way.
        if (!(error instanceof Refusal)) throw error;
        if (error.status !== 404 || settled) this.onError(error);
        if (!error.passing && error.status !== 404) break;
      }
      if (found) {
        this.onCounts(found);
        if (settled && found.waiting === 0) break;
        const now = JSON.stringify(found);
        this.wait = now === last ? Math.min(SLOWEST_S, this.wait * 1.4) : FASTEST_S;
        last = now;
      }
      await new Promise((resolve) => setTimeout(resolve, this.wait * 1e3));
    }
    this.running = false;
  }
}
