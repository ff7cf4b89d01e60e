// The labelled pictures of the class boxes, kept in the browser until they are cleared.
import { Examples } from "../examples.js";
import { count, plural } from "../format.js";
import { keep, recall } from "../storage.js";

// As skysort.limits has them.
export const LIMITS = { minClasses: 2, maxClasses: 100, perClass: 5, pictures: 5_000, label: 60, name: 40 };
const NOT_IN_LABELS = /[/\\\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
const KEPT_BYTES = 500e6;
const CLASSES = "skysort-classes";

/** What is wrong with a class's name; an empty text if nothing is. others: the names of the other classes. */
export function labelFault(label, others) {
  if (!label) return "A class needs a name.";
  if (label.length > LIMITS.label) return `A class's name has at most ${LIMITS.label} characters.`;
  if (NOT_IN_LABELS.test(label) || label.startsWith(".")) return "A class's name has no slashes and no leading dot.";
  return others.includes(label) ? `There is a class '${label}' already.` : "";
}

/** The name of a file in its class's folder: its own, with a number in front if another has it. */
function uniqueName(path, taken) {
  const name = path.split("/").pop();
  for (let number = 1; ; number += 1) {
    const candidate = number === 1 ? name : `${number}-${name}`;
    if (!taken.has(candidate)) return candidate;
  }
}

const isSame = (file, other) => file.size === other.size && file.lastModified === other.lastModified;

/** Classes in their order, each with its pictures {id, label, name, file, url}. onChange(): after every change. */
export class Dataset {
  constructor(onChange) {
    this.onChange = onChange;
    this.kept = new Examples("boxes");
    this.keptBytes = 0;
    let names = [];
    try {
      names = JSON.parse(recall("localStorage", CLASSES) ?? "[]");
    } catch {
      // Something else wrote there: the boxes start empty.
    }
    this.classes = (names.length > 0 ? names : ["Class 1", "Class 2"]).map((name) => ({ name: String(name), pictures: [] }));
  }

  /** Bring back what an earlier visit collected. */
  async load() {
    await this.kept.load();
    for (const record of this.kept.all) this.#place({ ...record });
    this.#changed();
  }

  get size() {
    return this.classes.reduce((sum, { pictures }) => sum + pictures.length, 0);
  }

  get labels() {
    return this.classes.map(({ name }) => name);
  }

  /** Whether an earlier visit's pictures, or this one's, are here to train with. */
  get isEmpty() {
    return this.size === 0;
  }

  /** The files to upload, a folder a class. */
  get files() {
    return this.classes.flatMap(({ pictures }) => pictures.map(({ label, name, file }) => ({ file, path: `${label}/${name}` })));
  }

  /** What is missing before a training can start, in sentences. */
  get missing() {
    const filled = this.classes.filter(({ pictures }) => pictures.length > 0);
    const short = filled.filter(({ pictures }) => pictures.length < LIMITS.perClass);
    return [
      filled.length < LIMITS.minClasses && `${LIMITS.minClasses} classes with ${LIMITS.perClass} pictures each to start.`,
      ...short.map(({ name, pictures }) => `${name}: ${plural(LIMITS.perClass - pictures.length, "more picture")}.`),
      filled.length > LIMITS.maxClasses && `At most ${LIMITS.maxClasses} classes; there are ${filled.length}.`,
      this.size > LIMITS.pictures && `At most ${count(LIMITS.pictures)} pictures; there are ${count(this.size)}.`,
    ].filter(Boolean);
  }

  find(label) {
    return this.classes.find(({ name }) => name === label);
  }

  /** Add a class; without a name it gets a number. */
  addClass(name) {
    let number = this.classes.length + 1;
    while (!name && this.find(`Class ${number}`)) number += 1;
    const added = { name: name ?? `Class ${number}`, pictures: [] };
    this.classes.push(added);
    this.#changed();
    return added;
  }

  /** Rename a class and its pictures; returns what is wrong with the name, if anything. */
  rename(entry, name) {
    const fault = labelFault(name, this.labels.filter((other) => other !== entry.name));
    if (fault || name === entry.name) return fault;
    entry.name = name;
    for (const picture of entry.pictures) picture.label = name;
    this.#keep(entry.pictures);
    this.#changed();
    return "";
  }

  removeClass(entry) {
    this.#forget(entry.pictures);
    this.classes.splice(this.classes.indexOf(entry), 1);
    this.#changed();
  }

  /** Put files [{file, path}] into a class; files that are in it already are left out. Returns the pictures added. */
  add(label, files) {
    const entry = this.find(label) ?? this.#replaceEmpty(label) ?? this.addClass(label);
    const added = [];
    const names = new Map(entry.pictures.map((picture) => [picture.name, picture]));
    for (const { file, path } of files) {
      const twin = names.get(path.split("/").pop());
      if (twin && isSame(file, twin.file)) continue;
      const picture = { id: crypto.randomUUID(), label, name: uniqueName(path, names), file };
      names.set(picture.name, picture);
      this.#place(picture);
      added.push(picture);
    }
    this.#keep(added);
    this.#changed();
    return added;
  }

  /** Put files into the class that their folder names. */
  addFolders(files) {
    const folders = Map.groupBy(files, ({ path }) => path.split("/").at(-2));
    for (const [label, members] of folders) this.add(label, members);
    return folders.size;
  }

  remove(picture) {
    const pictures = this.find(picture.label)?.pictures;
    if (!pictures?.includes(picture)) return; // its class is gone
    pictures.splice(pictures.indexOf(picture), 1);
    this.#forget([picture]);
    this.#changed();
  }

  clear() {
    for (const { pictures } of this.classes) for (const { url } of pictures) URL.revokeObjectURL(url);
    this.classes = ["Class 1", "Class 2"].map((name) => ({ name, pictures: [] }));
    this.kept.clear();
    this.keptBytes = 0;
    this.#changed();
  }

  /** A class as the page made it, unnamed and without pictures, takes the first name that comes. */
  #replaceEmpty(label) {
    const entry = this.classes.find(({ name, pictures }) => pictures.length === 0 && /^Class \d+$/.test(name));
    if (entry) entry.name = label;
    return entry;
  }

  #place(picture) {
    const entry = this.find(picture.label) ?? this.#replaceEmpty(picture.label) ?? this.addClass(picture.label);
    picture.url = URL.createObjectURL(picture.file);
    entry.pictures.push(picture);
    this.keptBytes += picture.file.size;
  }

  #keep(pictures) {
    if (this.keptBytes < KEPT_BYTES) this.kept.put(pictures.map(({ url: _, ...record }) => record));
  }

  #forget(pictures) {
    for (const { url, file } of pictures) {
      URL.revokeObjectURL(url);
      this.keptBytes -= file.size;
    }
    this.kept.remove(pictures.map(({ id }) => id));
  }

  #changed() {
    keep("localStorage", CLASSES, JSON.stringify(this.labels));
    this.onChange();
  }
}
