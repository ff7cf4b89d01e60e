// The views Galaxy and Photograph: pictures in, a gallery of answers out.
import { copyOf, el } from "../dom.js";
import { acceptDrops, chosenIn } from "../files.js";
import { announce, problemBox } from "../notice.js";
import { Queue } from "../queue.js";
import { PICTURES, sampleFile, sampleUrl } from "../samples.js";
import { Card } from "./card.js";
import { classify, refusedAtOnce } from "./classify.js";
import { exportCsv, exportJson } from "./export.js";
import { labelChoice } from "./labels.js";
import { needsView } from "./preview.js";
import { Summary, groupOf } from "./summary.js";

// Two answers are computed while two more are on the way, on a laptop with two cores as on a far network.
const AT_ONCE = 4;

class Pictures {
  constructor(section, model, view) {
    this.model = model;
    this.view = view;
    const { content, parts } = copyOf("pictures");
    this.parts = parts;
    this.pictures = [];
    this.options = { labels: "" };
    this.number = 0;
    this.stopping = new AbortController();
    this.queue = new Queue(AT_ONCE, (seconds) => {
      this.summary.wait = seconds;
      this.summary.update(this.pictures);
    });
    this.summary = new Summary(parts, (group) => this.#filter(group));
    if (model === "image") parts.options.prepend(...labelChoice((labels) => this.#again({ labels })));
    this.#connect();
    section.append(content);
  }

  #connect() {
    const { parts } = this;
    acceptDrops(parts.drop, (files) => this.take(files));
    for (const [button, input] of [["choose", "files"], ["folder-button", "folder"], ["camera-button", "camera"]]) {
      parts[button].addEventListener("click", () => parts[input].click());
      parts[input].addEventListener("change", () => this.take(chosenIn(parts[input])));
    }
    parts.heat.addEventListener("change", () => this.#heatForAll(parts.heat.checked));
    parts.stop.addEventListener("click", () => this.#stop());
    parts.retry.addEventListener("click", () => this.#retry(this.pictures.filter(({ state, error }) => state === "failed" && error.passing)));
    parts.csv.addEventListener("click", () => exportCsv(this.model, this.pictures));
    parts.json.addEventListener("click", () => exportJson(this.model, this.pictures));
    parts.clear.addEventListener("click", () => this.#clear());
    addEventListener("online", () => this.#retry(this.pictures.filter(({ state, error }) => state === "failed" && error.status === 0)));
    parts.samples.append(...PICTURES[this.model].map(([name, words]) => this.#sample(name, words)));
  }

  #sample(name, words) {
    const take = async () => {
      parts.querySelector(".problem")?.remove();
      try {
        this.take([await sampleFile(name)]);
      } catch {
        parts.append(problemBox({ title: "The sample did not load", advice: "Check the connection, then try again." }));
      }
    };
    const parts = this.parts.samples;
    return el("button", { type: "button", onclick: take }, el("img", { src: sampleUrl(name), alt: "", width: 44, height: 44 }), words);
  }

  /** Take files: [{file, path}]. */
  take(files) {
    if (files.length === 0) {
      announce("There is no file in it.");
      return;
    }
    const actions = {
      retry: (picture) => this.#retry([picture]),
      remove: (picture) => this.#remove(picture),
      heat: (picture) => this.#heat(picture, !picture.heat),
      view: (picture) => this.#explainUnshown(picture),
      batch: async ({ file, path }) => {
        location.hash = "#batch";
        (await this.view("batch")).take([{ file, path }], this.model);
      },
    };
    const added = files.map(({ file, path }) => {
      this.number += 1;
      const picture = { file, path, number: this.number, url: URL.createObjectURL(file), state: "waiting", heat: this.parts.heat.checked };
      picture.card = new Card(picture, actions);
      return picture;
    });
    // What came last is seen first.
    this.pictures.unshift(...added);
    this.parts.gallery.prepend(...added.map(({ card }) => card.element));
    for (const picture of added) this.#classify(picture);
  }

  async #classify(picture) {
    const refused = refusedAtOnce(picture);
    if (refused) {
      this.#set(picture, { state: "failed", error: refused });
      return;
    }
    const options = { ...this.options, explain: picture.heat || needsView(picture) };
    const run = Symbol("run"); // of two runs of one picture the later counts
    picture.run = run;
    this.#set(picture, { state: "waiting" });
    const { signal } = this.stopping;
    try {
      const answer = await this.queue.add(() => {
        if (picture.run !== run) throw new DOMException("superseded", "AbortError");
        this.#set(picture, { state: "working" });
        return classify(picture, this.model, options, { signal, onProgress: (sent) => this.#sending(picture, sent) });
      });
      if (picture.run !== run) return;
      this.#set(picture, { state: "done", answer: { ...answer, restricted: Boolean(options.labels) } });
      this.#explainUnshown(picture);
    } catch (error) {
      if (picture.run !== run) return;
      if (error.name === "AbortError") this.#set(picture, { state: "failed", error: stopped() });
      else if ("passing" in error) this.#set(picture, { state: "failed", error });
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

  /** Ask anew for a picture that turned out to be one that the browser cannot show. */
  #explainUnshown(picture) {
    if (picture.unshown && picture.state === "done" && !picture.answer.result.explanation) this.#classify(picture);
  }

  #heatForAll(on) {
    for (const picture of this.pictures) this.#heat(picture, on);
  }

  #again(change) {
    Object.assign(this.options, change);
    for (const picture of this.pictures) this.#classify(picture);
  }

  #retry(pictures) {
    for (const picture of pictures) this.#classify(picture);
  }

  #stop() {
    this.stopping.abort();
    this.queue.clear(new DOMException("stopped", "AbortError"));
    this.stopping = new AbortController();
  }

  #remove(picture) {
    const next = picture.card.element.nextElementSibling ?? picture.card.element.previousElementSibling;
    picture.run = null;
    URL.revokeObjectURL(picture.url);
    picture.card.element.remove();
    this.pictures.splice(this.pictures.indexOf(picture), 1);
    this.summary.update(this.pictures);
    (next?.querySelector(".away") ?? this.parts.choose).focus();
  }

  #clear() {
    for (const picture of this.pictures) {
      picture.run = null;
      URL.revokeObjectURL(picture.url);
    }
    this.#stop();
    this.pictures.length = 0;
    this.parts.gallery.replaceChildren();
    this.summary.update(this.pictures);
    this.parts.choose.focus();
  }

  #filter(group, pictures = this.pictures) {
    for (const picture of pictures) picture.card.element.hidden = group !== null && groupOf(picture) !== group;
  }
}

const stopped = () => ({ title: "Stopped", detail: "", advice: "", status: 499, passing: true, message: "stopped" });

/** Fill the section of one model. view: finds another view by its name. */
export const start = (section, model, view) => new Pictures(section, model, view);
