// Labelled pictures that the browser keeps (IndexedDB); where it keeps nothing, they last as long as the page.

const DATABASE = "skysort-examples";
const STORES = ["boxes", "corrections"];
let opening = null;

const settled = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

function database() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => STORES.forEach((name) => request.result.createObjectStore(name, { keyPath: "id" }));
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("blocked"));
  });
  return opening;
}

/** A kept list of records {id, label, name, file, ...}: the pictures of the class boxes, or the corrections. */
export class Examples {
  #name;
  #records = new Map();
  #listeners = new Set();
  #loading = null;

  constructor(name) {
    this.#name = name;
  }

  /** Read what an earlier visit left; once. */
  load() {
    this.#loading ??= this.#do("readonly", (store) => settled(store.getAll())).then((found) => {
      for (const record of found ?? []) if (!this.#records.has(record.id)) this.#records.set(record.id, record);
      this.#changed();
    });
    return this.#loading;
  }

  get all() {
    return [...this.#records.values()];
  }

  get size() {
    return this.#records.size;
  }

  onChange(listener) {
    this.#listeners.add(listener);
  }

  /** Keep records, in place of those with the same id. */
  put(records) {
    for (const record of records) this.#records.set(record.id, record);
    this.#changed();
    return this.#do("readwrite", (store) => records.forEach((record) => store.put(record)));
  }

  remove(ids) {
    for (const id of ids) this.#records.delete(id);
    this.#changed();
    return this.#do("readwrite", (store) => ids.forEach((id) => store.delete(id)));
  }

  clear() {
    this.#records.clear();
    this.#changed();
    return this.#do("readwrite", (store) => store.clear());
  }

  #changed() {
    for (const listener of this.#listeners) listener();
  }

  async #do(mode, action) {
    try {
      const transaction = (await database()).transaction(this.#name, mode);
      const done = new Promise((resolve, reject) => {
        transaction.oncomplete = resolve;
        transaction.onabort = transaction.onerror = () => reject(transaction.error);
      });
      const result = await action(transaction.objectStore(this.#name));
      await done;
      return result;
    } catch {
      return undefined; // disabled or full: the page goes on with what it has in memory
    }
  }
}

/** The counts of labels among records: [[label, number], ...], in alphabetical order. */
export function labelCounts(records) {
  const counts = new Map();
  for (const { label } of records) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => a.localeCompare(b));
}
