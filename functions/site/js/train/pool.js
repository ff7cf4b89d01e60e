// Active learning: of a pool of unlabelled pictures the least certain are labelled by keyboard, ten at a time.
import { ApiError } from "../api.js";
import { button, el } from "../dom.js";
import { acceptDrops, chooser } from "../files.js";
import { count, percent, plural } from "../format.js";
import { Queue } from "../queue.js";
import { announce, hint, problemBox } from "../widgets.js";
import { pathOf } from "../trained.js";
import { classify, refusal } from "../pictures/classify.js";
import { sorted } from "./incoming.js";
import { featuresOf, leastCertain, margin } from "./uncertain.js";

const AT_A_TIME = 10;
const CONCURRENCY = 4;
const KEYS = 9; // classes with a digit of their own

async function bitmapOf(file) {
  try {
    return await createImageBitmap(file, { resizeWidth: 32, resizeHeight: 32 });
  } catch {
    return undefined; // of a format that the browser cannot show
  }
}

/** The panel. model: a built-in model of pictures, for what is a picture; data: the class boxes; again(name): train a model with them. */
export class Pool {
  constructor(panel, { model, data, again }) {
    Object.assign(this, { panel, model, data, dataset: data.dataset, again });
    this.pictures = []; // {file, path, number, url, state, candidate}; states: waiting, ready, failed, labelled, skipped
    this.round = []; // the pictures being asked about
    this.at = 0;
    this.history = [];
    this.newLabels = 0;
    this.number = 0;
    this.queue = new Queue(CONCURRENCY);
    const add = (found) => this.addFiles(found);
    const drop = el("div", { class: "drop small" }, el("p", { class: "drop-words" }, "Drop unlabelled pictures here"), el("p", { class: "row" }, chooser("Choose pictures", add, { multiple: true, accept: ["image/*", ...model.accepts].join() }), chooser("Choose a folder", add, { webkitdirectory: true })));
    acceptDrops(panel, add);
    this.state = el("p", { class: "hint num", role: "status" });
    this.asking = el("div", { class: "asking", tabIndex: -1, role: "group", "aria-label": "Label the least certain pictures", hidden: true });
    this.train = button("", () => this.again(this.entry.name), { class: "main", hidden: true });
    this.problem = el("div");
    this.asking.addEventListener("keydown", (event) => this.#key(event));
    panel.append(el("h2", {}, "Improve it with few labels"),
      hint("Give it pictures without labels: it asks about those that it is least certain of, ten at a time."),
      drop, this.state, this.problem, this.asking, el("p", { class: "row end" }, this.train));
  }

  /** Ask with a trained model: its version has changed, so the pool is classified again. */
  show(entry) {
    this.panel.hidden = false;
    const isNew = this.entry?.live !== entry.live || this.entry.name !== entry.name;
    this.entry = entry;
    this.labels = entry.labels;
    if (!isNew) return;
    this.round = [];
    const open = this.pictures.filter(({ state }) => state !== "labelled");
    for (const picture of open) this.#classify(picture);
    this.draw();
  }

  /** The labels given so far are part of a finished training. */
  trained() {
    this.newLabels = 0;
    this.history = [];
    this.draw();
  }

  addFiles(files) {
    const [pictures] = sorted(files, this.model);
    if (pictures.length === 0) announce("No pictures found.");
    const added = pictures.map(({ file, path }) => {
      this.number += 1;
      return { file, path, number: this.number, url: URL.createObjectURL(file), state: "waiting" };
    });
    this.pictures.push(...added);
    for (const picture of added) this.#classify(picture);
    this.draw();
  }

  async #classify(picture) {
    const run = Symbol("run");
    Object.assign(picture, { state: "waiting", run, error: refusal(picture, this.model, []) });
    if (picture.error) picture.state = "failed";
    else {
      try {
        const { result } = await this.queue.add(() => classify(picture, pathOf(this.entry), { topK: this.labels.length }, {}));
        if (picture.run !== run || picture.state !== "waiting") return;
        const bitmap = await bitmapOf(picture.file);
        const { predictions } = result;
        picture.candidate = { picture, predictions, margin: margin(predictions), features: featuresOf(predictions, this.labels, bitmap) };
        picture.state = "ready";
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (picture.run !== run) return;
        Object.assign(picture, { state: "failed", error });
      }
    }
    this.draw();
    if (!this.pictures.some(({ state }) => state === "waiting")) this.#ask();
  }

  /** Choose the next pictures to ask about, once the last are answered. */
  #ask() {
    if (this.round.some(({ state }) => state === "ready")) return;
    const ready = this.pictures.filter(({ state }) => state === "ready");
    this.round = leastCertain(ready.map(({ candidate }) => candidate), AT_A_TIME).map(({ picture }) => picture);
    this.at = 0;
    if (this.round.length > 0) announce(`${plural(this.round.length, "picture")} to label`);
    this.draw();
  }

  #key(event) {
    if (event.ctrlKey && event.key !== "z") return;
    if (event.altKey || event.metaKey || event.target.matches("input, select")) return;
    const actions = { ArrowRight: () => this.#move(1), ArrowLeft: () => this.#move(-1), 0: () => this.#skip(), u: () => this.#undo(), z: () => this.#undo(), Backspace: () => this.#undo() };
    const label = /^[1-9]$/.test(event.key) ? this.labels[event.key - 1] : undefined;
    const action = label ? () => this.#label(label) : actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  #move(by) {
    this.at = (this.at + by + this.round.length) % this.round.length;
    this.#drawAsking({ focus: true });
  }

  #label(label) {
    const picture = this.round[this.at];
    if (!picture || picture.state !== "ready") return;
    const [record] = this.dataset.add(label, [picture]);
    this.history.push({ picture, record });
    this.newLabels += record ? 1 : 0;
    picture.state = "labelled";
    picture.label = label;
    announce(`${label}. ${plural(this.newLabels, "new label")}`);
    this.#next();
  }

  #skip() {
    const picture = this.round[this.at];
    if (!picture || picture.state !== "ready") return;
    this.history.push({ picture });
    picture.state = "skipped";
    this.#next();
  }

  #undo() {
    const last = this.history.pop();
    if (!last) return;
    const { picture, record } = last;
    if (record) {
      this.dataset.remove(record);
      this.newLabels -= 1;
    }
    Object.assign(picture, { state: "ready", label: undefined });
    if (!this.round.includes(picture)) this.round.unshift(picture);
    this.at = this.round.indexOf(picture);
    announce("Undone");
    this.draw();
    this.#drawAsking({ focus: true });
  }

  #next() {
    const after = [...this.round.keys()].map((step) => (this.at + step) % this.round.length);
    const open = after.find((index) => this.round[index].state === "ready");
    if (open === undefined) this.#ask();
    else this.at = open;
    this.draw();
    this.#drawAsking({ focus: true });
  }

  /** Draw the counts, the pictures being asked about, and the button. */
  draw() {
    if (this.panel.hidden) return;
    const number = (state) => this.pictures.filter((picture) => picture.state === state).length;
    const failed = this.pictures.filter(({ state }) => state === "failed");
    const parts = [["waiting", "being classified"], ["labelled", "labelled"], ["skipped", "skipped"], ["failed", "failed"]];
    const counts = parts.filter(([state]) => number(state) > 0).map(([state, text]) => `${count(number(state))} ${text}`);
    this.state.textContent = this.pictures.length > 0 ? [plural(this.pictures.length, "picture"), ...counts].join(" · ") : "";
    this.problem.replaceChildren(...(failed.length > 0 ? [problemBox(failed[0].error, button("Retry failed", () => failed.forEach((picture) => this.#classify(picture))))] : []));
    const isWithout = Boolean(this.data.whole) || this.dataset.missing.length > 0;
    this.train.hidden = this.newLabels === 0;
    this.train.disabled = isWithout;
    this.train.textContent = isWithout ? "Add the training pictures above to train again" : `Train again with ${plural(this.newLabels, "new label")}`;
    this.#drawAsking();
  }

  #drawAsking({ focus = this.asking.contains(document.activeElement) } = {}) {
    const current = this.round[this.at];
    this.asking.hidden = !current;
    if (!current) return;
    const { predictions } = current.candidate;
    const chance = (label) => predictions.find((prediction) => prediction.label === label)?.probability ?? 0;
    const choices = this.labels.map((label, index) =>
      button([el("kbd", {}, index < KEYS ? String(index + 1) : ""), ` ${label} `, el("span", { class: "num hint" }, percent(chance(label)))], () => this.#label(label), { disabled: current.state !== "ready", "aria-pressed": current.label ? String(current.label === label) : undefined }));
    const strip = this.round.map((picture, index) => el("li", {}, button(
      el("img", { src: picture.url, alt: picture.path }), () => this.#move(index - this.at),
      { class: `is-${picture.state}`, "aria-current": index === this.at ? "true" : undefined, "aria-label": `${picture.path}${picture.label ? `: ${picture.label}` : ""}` })));
    this.asking.replaceChildren(
      el("figure", {}, el("img", { class: "asked", src: current.url, alt: `Which class is ${current.path}?` }), el("figcaption", {}, `${this.at + 1} of ${this.round.length}: ${current.path}`)),
      el("div", {}, el("div", { class: "choices" }, choices),
        el("p", { class: "row" }, button([el("kbd", {}, "0"), " Skip"], () => this.#skip(), { disabled: current.state !== "ready" }), button([el("kbd", {}, "U"), " Undo"], () => this.#undo(), { disabled: this.history.length === 0 })),
        hint("Digits label, 0 skips, arrow keys move, U undoes.")),
      el("ul", { class: "strip", "aria-label": "Pictures to label" }, strip));
    if (focus) this.asking.focus();
  }
}
