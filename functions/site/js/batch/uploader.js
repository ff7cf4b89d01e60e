// The uploads of one batch: a few at a time, counted, resumed where they were interrupted.
import { ApiError } from "../api.js";
import { NO_RETRY, Queue } from "../queue.js";
import { keep, recall } from "../storage.js";
import { presign, upload } from "../uploads.js";

const FILES_PER_CALL = 100; // the service takes 500; fewer start sooner
const BYTES_PER_CALL = 256 * 2 ** 20; // fewer than 16 multipart uploads, the most that the service starts in one call
const CONCURRENCY = 3;
const VALID_S = 12 * 60; // presigned uploads are valid for 15 minutes

// The ids of multipart uploads are kept, so that a reload of the page does not lose the parts that have arrived.
const nameOf = (batch, { path, file }) => `skysort-upload/${batch}/${path}/${file.size}/${file.lastModified}`;
const uploadId = (batch, entry) => recall("localStorage", nameOf(batch, entry)) ?? undefined;
const keepUploadId = (batch, entry, id) => keep("localStorage", nameOf(batch, entry), id);

/** Entries in the groups that are presigned by one call. */
function* chunks(entries) {
  let chunk = [];
  let size = 0;
  for (const entry of entries) {
    if (chunk.length === FILES_PER_CALL || (chunk.length > 0 && size + entry.file.size > BYTES_PER_CALL)) {
      yield chunk;
      chunk = [];
      size = 0;
    }
    chunk.push(entry);
    size += entry.file.size;
  }
  if (chunk.length > 0) yield chunk;
}

const arrivedParts = (presigned) => presigned.parts?.parts.filter(({ etag }) => etag).length ?? 0;

/** Uploads entries {file, path, state, sent, key, error}; states: waiting, sending, sent, failed. key: in the drop folder, once sent. */
export class Uploader {
  constructor(model, batch, onChange) {
    this.model = model;
    this.batch = batch;
    this.entries = [];
    this.onChange = onChange;
    this.presigning = new Queue(1);
    this.queue = new Queue(CONCURRENCY, undefined, NO_RETRY); // uploads.js has retries of its own
    this.stopping = new AbortController();
  }

  /** Whether every file is sent or failed. */
  get isSettled() {
    return this.entries.every(({ state }) => state === "sent" || state === "failed");
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

  /** Add files; those that are `uploaded` (name -> size) already are not sent again. */
  add(files, uploaded) {
    const known = new Set(this.entries.map(({ path }) => path));
    const added = files
      .filter(({ path }) => !known.has(path))
      .map(({ file, path }) => ({ file, path, sent: 0, state: uploaded.get(path) === file.size ? "sent" : "waiting" }));
    this.entries.push(...added);
    this.#begin(added.filter(({ state }) => state === "waiting"));
  }

  /** Send the failed files again. */
  retry() {
    const failed = this.entries.filter(({ state }) => state === "failed");
    for (const entry of failed) Object.assign(entry, { state: "waiting", error: undefined });
    this.#begin(failed);
  }

  /** Stop; files that are not uploaded count as failed and can be retried. */
  stop() {
    this.stopping.abort();
    for (const queue of [this.presigning, this.queue]) queue.clear(new DOMException("stopped", "AbortError"));
    this.stopping = new AbortController();
  }

  async #begin(entries) {
    this.onChange();
    // The next call comes when this one's files are sent: presigned uploads expire.
    for (const chunk of chunks(entries)) await this.#chunk(chunk);
  }

  async #chunk(chunk) {
    let files;
    try {
      files = await this.#presign(chunk);
    } catch (error) {
      this.#failAll(chunk, error);
      return;
    }
    const since = performance.now();
    await Promise.all(chunk.map((entry, index) => this.#send(entry, files[index], since)));
  }

  /** A file with an invalid name must not hold up the others. */
  #failAll(chunk, error) {
    const fields = error.fields ?? [];
    const bad = new Map(fields.map(({ field, detail }) => [Number(/^files\[(\d+)\]/.exec(field)?.[1] ?? -1), detail]));
    const isNamed = [...bad.keys()].some((index) => index >= 0);
    const isStale = fields.some(({ field }) => field === "upload_id");
    const others = [];
    chunk.forEach((entry, index) => {
      if (isStale) keepUploadId(this.batch, entry);
      if (isStale || (isNamed && !bad.has(index))) others.push(entry);
      else this.#fail(entry, bad.has(index) ? new ApiError({ status: 422, title: "Rejected", detail: bad.get(index) }) : error);
    });
    if (others.length > 0) this.#begin(others);
  }

  /** Presign files, in turn with others; resolves to the answer's files. */
  #presign(entries) {
    const files = entries.map((entry) => ({ name: entry.path, size: entry.file.size, upload_id: uploadId(this.batch, entry) }));
    return this.presigning.add(async () => (await presign(this.model, this.batch, files, this.stopping.signal)).files);
  }

  async #send(entry, presigned, since) {
    if (presigned.method === "parts") keepUploadId(this.batch, entry, presigned.parts.upload_id);
    const { signal } = this.stopping;
    try {
      await this.queue.add(async () => {
        Object.assign(entry, { state: "sending", sent: 0 });
        const onProgress = (sent) => {
          entry.sent = sent;
          this.onChange();
        };
        const isOld = (performance.now() - since) / 1e3 > VALID_S;
        await this.#persist(entry, isOld ? (await this.#presign([entry]))[0] : presigned, { onProgress, signal });
      });
      keepUploadId(this.batch, entry);
      Object.assign(entry, { state: "sent", key: presigned.key });
    } catch (error) {
      this.#fail(entry, error);
    }
    this.onChange();
  }

  /** Upload; if the presigned requests expired, go on with new ones, as long as each after the first brings a part. */
  async #persist(entry, presigned, options) {
    let current = presigned;
    let before = -1;
    for (;;) {
      try {
        await upload(entry.file, current, options);
        return;
      } catch (error) {
        if (!error.expired || arrivedParts(current) <= before) throw error;
        [current] = await this.#presign([entry]);
        before = arrivedParts(current);
      }
    }
  }

  #fail(entry, error) {
    const stopped = error.name === "AbortError" ? new ApiError({ status: 0, title: "Stopped", detail: "", advice: "" }) : error;
    Object.assign(entry, { state: "failed", error: stopped });
    this.onChange();
  }
}
