// The progress of a batch: counts and files, polled until nothing waits.
import { ApiError, at, call, withOptions } from "../api.js";
import { follow } from "../following.js";

const FILES_PER_PAGE = 50;
const MAX_FILES_PER_PAGE = 500;

const page = (batch, query, signal) => call(withOptions(at`/v1/batches/${batch}`, query), { signal });

async function* pages(batch, query, signal) {
  for (let next; ; ) {
    const current = await page(batch, { ...query, next }, signal);
    yield current;
    if (!current.next) return;
    ({ next } = current);
  }
}

/** The counts of a whole batch of one model, summed over their pages. */
async function counts(batch, model, signal) {
  const total = { total: 0, waiting: 0, done: 0, failed: 0 };
  for await (const { counts: part, complete } of pages(batch, { model, limit: 0 }, signal)) {
    for (const name of Object.keys(total)) total[name] += part[name];
    if (complete) break;
  }
  return total;
}

/** A page of files with their records. */
export const filesOf = (batch, model, { state, next }) =>
  page(batch, { model, limit: FILES_PER_PAGE, records: true, state, next });

/** The names and sizes of the files that are uploaded already. */
export async function uploadedIn(batch, model, signal) {
  const uploaded = new Map();
  try {
    for await (const { files } of pages(batch, { model, limit: MAX_FILES_PER_PAGE }, signal)) {
      for (const { name, size } of files) uploaded.set(name, size);
    }
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
  }
  return uploaded;
}

/** The models with files in a batch. Throws ApiError, with status 404 if there is no such batch. */
export const modelsOf = async (batch) => Object.keys((await page(batch, { limit: 0 })).models);

/** Polls until `isSettled()` and nothing waits. onCounts(counts); onError(error), after which it may go on. */
export class Watch {
  constructor(batch, model, { onCounts, onError, isSettled }) {
    Object.assign(this, { batch, model, onCounts, onError, isSettled });
    this.stopping = new AbortController();
    this.running = false;
  }

  /** Start polling, or go on after further uploads. */
  start() {
    if (!this.running) this.#run();
  }

  stop() {
    this.stopping.abort();
  }

  async #run() {
    this.running = true;
    const { signal } = this.stopping;
    let isSettled;
    const ask = async () => {
      isSettled = this.isSettled();
      try {
        return await counts(this.batch, this.model, signal);
      } catch (error) {
        if (error.status !== 404 || isSettled) throw error;
        return null; // nothing is uploaded yet, as expected while the first upload is in progress
      }
    };
    await follow(ask, {
      signal,
      take: (total) => total && this.onCounts(total),
      isOver: (total) => total && isSettled && total.waiting === 0,
      signOfLife: (total) => total,
      fail: this.onError,
    });
    this.running = false;
  }
}
