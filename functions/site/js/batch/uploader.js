// Uploads of one batch: few at once, counted, resumed where they broke off.
import { Refusal } from "../api.js";
import { ONCE, Queue } from "../queue.js";
import { offer, upload } from "../uploads.js";

const FILES_PER_OFFER = 100; // the service takes 500; fewer begin sooner
const BYTES_PER_OFFER = 256 * 2 ** 20; // fewer than 16 files in parts, which is what the service begins in one call
const AT_ONCE = 3;
const OFFER_LASTS_S = 12 * 60; // the service gives 15 minutes

/** Upload ids of files in parts, so that a reload of the page does not lose what has arrived. */
const memory = {
  key: (batch, { path, file }) => `skysort-upload/${batch}/${path}/${file.size}/${file.lastModified}`,
  get(batch, entry) {
    try {
      return localStorage.getItem(this.key(batch, entry)) ?? undefined;
    } catch {
      return undefined;
    }
  },
  put(batch, entry, id) {
    try {
      if (id) localStorage.setItem(this.key(batch, entry), id);
      else localStorage.removeItem(this.key(batch, entry));
    } catch {
      // Without storage an upload is resumed within this page only.
    }
  },
};

/** Entries in groups that one call offers uploads for. */
function* chunks(entries) {
  let chunk = [];
  let size = 0;
  for (const entry of entries) {
    if (chunk.length === FILES_PER_OFFER || (chunk.length > 0 && size + entry.file.size > BYTES_PER_OFFER)) {
      yield chunk;
      chunk = [];
      size = 0;
    }
    chunk.push(entry);
    size += entry.file.size;
  }
  if (chunk.length > 0) yield chunk;
}

const arrivedParts = (offered) => offered.parts?.parts.filter(({ etag }) => etag).length ?? 0;

/** Uploads entries {file, path, state, sent, error}; states: waiting, sending, sent, failed. */
export class Uploader {
  constructor(model, batch, onChange) {
    this.model = model;
    this.batch = batch;
    this.entries = [];
    this.onChange = onChange;
    this.offers = new Queue(1);
    this.queue = new Queue(AT_ONCE, undefined, ONCE); // uploads.js tries again by itself
    this.stopping = new AbortController();
  }

  /** Bytes and files so far. */
  get totals() {
    const totals = { files: this.entries.length, size: 0, sent: 0, done: 0, failed: 0 };
    for (const { file, sent, state } of this.entries) {
      totals.size += file.size;
      totals.sent += state === "sent" ? file.size : Math.min(sent, file.size);
      totals.done += state === "sent";
      totals.failed += state === "failed";
    }
    return totals;
  }

  /** Take files; those that `arrived` (name -> size) holds already are not sent again. */
  add(files, arrived = new Map()) {
    const known = new Set(this.entries.map(({ path }) => path));
    const added = files
      .filter(({ path }) => !known.has(path))
      .map(({ file, path }) => ({ file, path, sent: 0, state: arrived.get(path) === file.size ? "sent" : "waiting" }));
    this.entries.push(...added);
    this.#begin(added.filter(({ state }) => state === "waiting"));
  }

  /** Send what failed once more. */
  retry() {
    const failed = this.entries.filter(({ state }) => state === "failed");
    for (const entry of failed) Object.assign(entry, { state: "waiting", error: undefined });
    this.#begin(failed);
  }

  /** Stop; what has not arrived counts as failed and can be sent again. */
  stop() {
    this.stopping.abort();
    for (const queue of [this.offers, this.queue]) queue.clear(new DOMException("stopped", "AbortError"));
    this.stopping = new AbortController();
  }

  async #begin(entries) {
    this.onChange();
    for (const chunk of chunks(entries)) {
      // One offer at a time, and the next when this one's files are on their way: signatures run out.
      await this.#chunk(chunk);
    }
  }

  async #chunk(chunk) {
    let offers;
    try {
      offers = await this.offers.add(() => this.#offer(chunk));
    } catch (error) {
      this.#failAll(chunk, error);
      return;
    }
    const offered = performance.now();
    await Promise.all(chunk.map((entry, place) => this.#send(entry, offers.files[place], offered)));
  }

  /** One name that cannot be taken must not keep the others back. */
  #failAll(chunk, error) {
    const fields = error.fields ?? [];
    const bad = new Map(fields.map(({ field, detail }) => [Number(/^files\[(\d+)\]/.exec(field)?.[1] ?? -1), detail]));
    const named = [...bad.keys()].some((place) => place >= 0);
    const stale = fields.some(({ field }) => field === "upload_id");
    const again = [];
    chunk.forEach((entry, place) => {
      if (stale) memory.put(this.batch, entry, null);
      if (stale || (named && !bad.has(place))) again.push(entry);
      else this.#fail(entry, bad.has(place) ? new Refusal({ status: 422, title: "Not taken", detail: bad.get(place) }) : error);
    });
    if (again.length > 0) this.#begin(again);
  }

  #offer(chunk) {
    const files = chunk.map((entry) => {
      const id = memory.get(this.batch, entry);
      return { name: entry.path, size: entry.file.size, ...(id ? { upload_id: id } : {}) };
    });
    return offer(this.model, this.batch, files, this.stopping.signal);
  }

  /** Another way in for one file; asked for in turn with the others, and patiently where the service is busy. */
  async #again(entry) {
    return (await this.offers.add(() => this.#offer([entry]))).files[0];
  }

  async #send(entry, offered, since) {
    if (offered.method === "parts") memory.put(this.batch, entry, offered.parts.upload_id);
    const { signal } = this.stopping;
    try {
      await this.queue.add(async () => {
        Object.assign(entry, { state: "sending", sent: 0 });
        const onProgress = (sent) => {
          entry.sent = sent;
          this.onChange();
        };
        const old = (performance.now() - since) / 1e3 > OFFER_LASTS_S;
        const first = old ? await this.#again(entry) : offered;
        await this.#persist(entry, first, { onProgress, signal });
      });
      memory.put(this.batch, entry, null);
      entry.state = "sent";
    } catch (error) {
      this.#fail(entry, error);
    }
    this.onChange();
  }

  /** Upload; where the signatures run out on the way, go on with new ones as long as each brings a part more. */
  async #persist(entry, offered, options) {
    let current = offered;
    for (;;) {
      const before = arrivedParts(current);
      try {
        await upload(entry.file, current, options);
        return;
      } catch (error) {
        if (!error.expired || arrivedParts(current) === before) throw error;
        current = await this.#again(entry);
      }
    }
  }

  #fail(entry, error) {
    const stopped = error.name === "AbortError" ? new Refusal({ status: 0, title: "Stopped", detail: "", advice: "" }) : error;
    Object.assign(entry, { state: "failed", error: stopped });
    this.onChange();
  }
}
