// The view of a model of pictures: pictures in, a gallery of answers out.
import { withOptions } from "../api.js";
import { choices, copyOf, el } from "../dom.js";
import { acceptChoice, acceptDrops } from "../files.js";
import { count, humanize } from "../format.js";
import { sampleFile, sampleUrl } from "../models.js";
import { Prior } from "../prior.js";
import { Queue } from "../queue.js";
import { asEntry, modelChoice } from "../trained-choice.js";
import { announce, problemBox } from "../widgets.js";
import { Card, needsView } from "./card.js";
import { classify, queryOf, refusal } from "./classify.js";
import { exportCsv, exportJson } from "./export.js";
import { Summary, groupOf } from "./summary.js";

// Two answers are computed while two more are in transit, on a laptop with two cores as over a slow network.
const CONCURRENCY = 4;
const FORMATS = { webp: "WebP" };

const stopped = () => ({ title: "Stopped", detail: "", advice: "", status: 499, retryable: true, message: "stopped" });

/** What the files may be, in words: "JPEG, PNG or FITS". */
function formatsOf({ media_types: types }) {
  const names = types.filter((type) => type !== "application/gzip").map((type) => type.split("/").pop()).map((name) => FORMATS[name] ?? name.toUpperCase());
  return new Intl.ListFormat("en-GB", { type: "disjunction" }).format(names);
}

/** A control for the labels to choose from: all, a named set, or a list of the visitor's own. onChange(labels): "" for all. */
function labelChoice({ labels, label_sets: sets }, onChange) {
  const placeholder = labels.slice(0, 3).join(", ");
  const custom = el("input", { type: "text", placeholder, "aria-label": "Labels, separated by commas", hidden: true, spellcheck: false });
  const pairs = [
    ["", `All ${count(labels.length)} classes`],
    ...sets.map(({ name, labels: number }) => [name, `${humanize(name)} (${number} classes)`]),
    ["custom", "Custom list"],
  ];
  const select = choices(pairs);
  select.addEventListener("change", () => {
    custom.hidden = select.value !== "custom";
    if (custom.hidden) onChange(select.value);
    else custom.focus();
  });
  custom.addEventListener("change", () => onChange(custom.value.trim()));
  return [el("label", {}, "Choose from", select), custom];
}

class Pictures {
  constructor(section, { model, models, view, owner }) {
    this.builtIn = model;
    this.model = model;
    this.models = models;
    this.view = view;
    const { content, parts } = copyOf("pictures", owner ?? model.name);
    this.parts = parts;
    this.pictures = [];
    this.labels = "";
    this.number = 0;
    this.stopping = new AbortController();
    this.queue = new Queue(CONCURRENCY, (seconds) => {
      this.summary.wait = seconds;
      this.summary.update(this.pictures);
    });
    this.summary = new Summary(parts, (group) => this.#filter(group));
    this.labelChoice = el("span", { class: "label-choice" }, model.label_sets.length > 0 && labelChoice(model, (labels) => this.#choose(labels)));
    parts.options.prepend(this.labelChoice);
    this.prior = new Prior(owner ?? model.name, () => this.#choose(this.labels));
    this.prior.element.hidden = !owner;
    this.prior.use(model.labels);
    parts.options.append(this.prior.element);
    if (!owner) {
      this.choice = modelChoice(model, "pictures", (entry) => this.setModel(entry ? asEntry(entry, model) : model));
      parts.options.prepend(this.choice.element);
    }
    this.#connect();
    section.append(content);
  }

  #connect() {
    const { parts, model } = this;
    parts.formats.textContent = formatsOf(model);
    parts.files.accept = ["image/*", ...model.accepts].join();
    acceptDrops(parts.drop, (files) => this.addFiles(files));
    for (const [button, input] of [["choose", "files"], ["folder-button", "folder"], ["camera-button", "camera"]]) {
      acceptChoice(parts[button], parts[input], (files) => this.addFiles(files));
    }
    const on = (part, action) => parts[part].addEventListener(part === "heat" ? "change" : "click", action);
    on("heat", () => this.pictures.forEach((picture) => this.#heat(picture, parts.heat.checked)));
    on("stop", () => this.#stop());
    on("retry", () => this.#retryFailed(({ retryable }) => retryable));
    on("csv", () => exportCsv(this.model.name, this.pictures));
    on("json", () => exportJson(this.model.name, this.pictures));
    on("clear", () => this.#clear());
    addEventListener("online", () => this.#retryFailed(({ status }) => status === 0));
    parts.samples.append(...model.samples.map((sample) => this.#sample(sample)));
    parts.samples.hidden = model.samples.length === 0;
  }

  #sample({ file, title }) {
    const { samples } = this.parts;
    const add = async () => {
      samples.querySelector(".problem")?.remove();
      try {
        this.addFiles([await sampleFile(file)]);
      } catch {
        samples.append(problemBox({ title: "The sample failed to load", advice: "Check the connection, then try again." }));
      }
    };
    return el("button", { type: "button", onclick: add }, el("img", { src: sampleUrl(file), alt: "", width: 44, height: 44 }), title);
  }

  /** Called whenever the view is shown. name: of a trained model, from an address like #galaxy/rings. */
  onShow(name) {
    if (name) this.choice?.choose(decodeURIComponent(name));
  }

  /** Classify with another model from now on, what is in the gallery too. model: an entry as in GET /v1/models. */
  setModel(model) {
    const isNew = model.name !== this.model.name || model.version !== this.model.version;
    this.model = model;
    this.labelChoice.hidden = model !== this.builtIn;
    this.prior.element.hidden = model === this.builtIn;
    if (isNew) this.prior.use(model.labels);
    if (isNew) this.pictures.forEach((picture) => this.#classify(Object.assign(picture, { feedback: undefined })));
  }

  /** Add files [{file, path}] and classify them. */
  addFiles(files) {
    if (files.length === 0) {
      announce("No files found.");
      return;
    }
    const actions = {
      retry: (picture) => this.#classify(picture),
      remove: (picture) => this.#remove(picture),
      heat: (picture) => this.#heat(picture, !picture.heat),
      view: (picture) => this.#explainUnshown(picture),
      api: (picture) => this.#useViaApi(picture),
      batch: async ({ file, path }) => {
        location.hash = "#batch";
        (await this.view("batch")).addFiles([{ file, path }], this.model.address ?? this.model.name);
      },
    };
    const added = files.map(({ file, path }) => {
      this.number += 1;
      const picture = { file, path, number: this.number, url: URL.createObjectURL(file), state: "waiting", heat: this.parts.heat.checked };
      picture.card = new Card(picture, actions);
      return picture;
    });
    // The newest come first.
    this.pictures.unshift(...added);
    this.parts.gallery.prepend(...added.map(({ card }) => card.element));
    for (const picture of added) this.#classify(picture);
  }

  /** The address and the options of a picture's call. */
  #callOf(picture) {
    const { model } = this;
    const options = { labels: model === this.builtIn ? this.labels : "", prior: this.prior.value, explain: picture.heat || needsView(picture) };
    return { path: model.path ?? `/v1/classify/${model.name}`, options };
  }

  /** Show the call of a picture as code. */
  async #useViaApi(picture) {
    const { useViaApi } = await import("../use-api.js");
    const { path, options } = this.#callOf(picture);
    useViaApi({ url: withOptions(path, queryOf(options)), body: { files: [picture.file.name] } });
  }

  async #classify(picture) {
    const refused = refusal(picture, this.model, this.models);
    if (refused) {
      this.#set(picture, { state: "failed", error: refused });
      return;
    }
    const { model } = this;
    const { path, options } = this.#callOf(picture);
    const run = Symbol("run"); // of two runs of one picture the later counts
    picture.run = run;
    this.#set(picture, { state: "waiting" });
    const { signal } = this.stopping;
    try {
      const answer = await this.queue.add(() => {
        if (picture.run !== run) throw new DOMException("superseded", "AbortError");
        this.#set(picture, { state: "working" });
        return classify(picture, path, options, { signal, onProgress: (sent) => this.#sending(picture, sent) });
      });
      if (picture.run !== run) return;
      this.#set(picture, { state: "done", answer: { ...answer, labels: model.labels, restricted: Boolean(options.labels) } });
      this.#explainUnshown(picture);
    } catch (error) {
      if (picture.run !== run) return;
      this.prior.refused(error);
      if (error.name === "AbortError") this.#set(picture, { state: "failed", error: stopped() });
      else if ("retryable" in error) this.#set(picture, { state: "failed", error });
      else throw error;
    }
  }

  #set(picture, change) {
    Object.assign(picture, change);
    picture.card.show();
    this.#filter(this.summary.filter, [picture]);
    this.summary.update(this.pictures);
  }

  #sending(picture, sent) {
    picture.state = "sending";
    picture.card.progress(sent);
  }

  #heat(picture, on) {
    picture.heat = on;
    if (on && picture.state === "done" && !picture.answer.result.explanation) this.#classify(picture);
    else picture.card.show();
  }

  /** Classify a picture again with its explanation if the browser turned out not to show it. */
  #explainUnshown(picture) {
    if (picture.unshown && picture.state === "done" && !picture.answer.result.explanation) this.#classify(picture);
  }

  #choose(labels) {
    this.labels = labels;
    this.pictures.forEach((picture) => this.#classify(picture));
  }

  #retryFailed(isMeant) {
    this.pictures.filter(({ state, error }) => state === "failed" && isMeant(error)).forEach((picture) => this.#classify(picture));
  }

  #stop() {
    this.stopping.abort();
    this.queue.clear(new DOMException("stopped", "AbortError"));
    this.stopping = new AbortController();
  }

  #remove(picture) {
    const next = picture.card.element.nextElementSibling ?? picture.card.element.previousElementSibling;
    this.#release(picture);
    picture.card.element.remove();
    this.pictures.splice(this.pictures.indexOf(picture), 1);
    this.summary.update(this.pictures);
    (next?.querySelector(".remove") ?? this.parts.choose).focus();
  }

  #clear() {
    this.pictures.forEach((picture) => this.#release(picture));
    this.#stop();
    this.pictures.length = 0;
    this.parts.gallery.replaceChildren();
    this.summary.update(this.pictures);
    this.parts.choose.focus();
  }

  #release(picture) {
    picture.run = null;
    URL.revokeObjectURL(picture.url);
  }

  #filter(group, pictures = this.pictures) {
    for (const picture of pictures) picture.card.element.hidden = group !== null && groupOf(picture) !== group;
  }
}

/** Fill the section of one model. */
export const start = (section, context) => new Pictures(section, context);
