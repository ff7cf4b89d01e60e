// One training, from its upload to its end: progress by phase, and what failed.
import { ApiError, post } from "../api.js";
import { button, el } from "../dom.js";
import { follow } from "../following.js";
import { bytes, count, plural } from "../format.js";
import { announce, problemBox, scrollTable } from "../widgets.js";
import { Uploader } from "../batch/uploader.js";

const PHASES = {
  pictures: ["reading", "features", "fitting", "evaluating", "publishing"],
  star: ["reading", "fitting", "evaluating", "publishing"],
};
const TITLES = {
  uploading: "Uploading",
  waiting: "Waiting",
  reading: "Reading the data",
  features: "Computing features",
  fitting: "Fitting the classifier",
  evaluating: "Evaluating on held-out data",
  publishing: "Publishing the version",
};
const LISTED = 100;

const isOver = ({ phase }) => phase === "done" || phase === "failed";

/** The files that a training refused, each with its reason; undefined if there are none. */
export function refusedFiles({ refused }) {
  if (!refused?.count) return undefined;
  const head = ["File", "Reason"].map((name) => el("th", { scope: "col" }, name));
  const rows = refused.files.slice(0, LISTED).map(({ file, reason }) => el("tr", {}, el("td", { class: "wide" }, file), el("td", { class: "wide" }, reason)));
  const more = refused.count - rows.length;
  return el("details", { class: "refused" }, el("summary", {}, `${plural(refused.count, "file")} left out`),
    scrollTable("Files left out", head, rows), more > 0 && el("p", { class: "hint" }, `and ${count(more)} more`));
}

/** Shows a training in a panel. onTraining(training): every state of it that the service reports. */
export class Run {
  constructor(panel, { onTraining }) {
    this.panel = panel;
    this.onTraining = onTraining;
    this.stopping = new AbortController();
  }

  /** Forget what is shown. */
  reset() {
    this.stopping.abort();
    this.stopping = new AbortController();
    this.uploader?.stop();
    Object.assign(this, { uploader: null, training: null, error: null, again: null, request: null, goOn: null, announced: "" });
    this.panel.hidden = true;
  }

  /** Upload files [{file, path}], then start the training of a request; its source is their batch, or the one file that it names as `whole`. sent: those that are uploaded already. */
  async start(request, files, batch, sent = new Map()) {
    this.reset();
    const { signal } = this.stopping;
    this.request = request;
    this.uploader = new Uploader("training", batch, () => {
      this.#checkUploads();
      this.#draw();
    });
    this.uploader.add(files, sent);
    this.panel.hidden = false;
    this.panel.scrollIntoView({ block: "nearest" });
    announce(`Uploading ${plural(files.length, "file")}`);
    await this.#uploaded(signal);
    if (!signal.aborted) await this.#begin(signal);
  }

  /** Follow a training that has started, until its end. */
  async watch(id) {
    this.reset();
    this.panel.hidden = false;
    await this.#follow(id, this.stopping.signal);
  }

  /** Resolves when all files are sent, or the visitor goes on without those that failed. */
  #uploaded(signal) {
    return new Promise((resolve) => {
      this.goOn = resolve;
      signal.addEventListener("abort", resolve);
      this.#checkUploads();
    });
  }

  #checkUploads() {
    if (this.uploader?.entries.every(({ state }) => state === "sent")) this.goOn?.();
  }

  async #begin(signal) {
    const { whole, ...request } = this.request;
    const { batch, entries } = this.uploader;
    const source = whole ? { s3_key: entries.find(({ file }) => file === whole).key } : { batch };
    try {
      const training = await post("/v1/trainings", { ...request, source }, { signal });
      this.uploader = null;
      this.#take(training);
      await this.#follow(training.id, signal);
    } catch (error) {
      if (signal.aborted) return;
      this.#fail(error, () => this.#begin(signal));
    }
  }

  #follow(id, signal) {
    return follow(`/v1/trainings/${encodeURIComponent(id)}`, {
      signal,
      isOver,
      signOfLife: ({ phase, progress }) => [phase, progress],
      take: (training) => {
        this.error = null;
        this.#take(training);
      },
      fail: (error) => this.#fail(error, () => this.#follow(id, signal)),
    });
  }

  #take(training) {
    this.training = training;
    const said = training.phase === "failed" ? "The training failed" : training.phase === "done" ? "The training is done" : TITLES[training.phase];
    if (said !== this.announced) announce(said);
    this.announced = said;
    this.#draw();
    this.onTraining(training);
  }

  #fail(error, again) {
    if (!(error instanceof ApiError)) throw error;
    Object.assign(this, { error, again });
    this.#draw();
  }

  #draw() {
    if (this.isDrawn) return;
    this.isDrawn = true;
    requestAnimationFrame(() => {
      this.isDrawn = false;
      if (this.uploader) this.#drawUpload();
      else if (this.training || this.error) this.#drawTraining();
    });
  }

  #drawUpload() {
    const { entries, totals, isSettled } = this.uploader;
    const failed = entries.filter(({ state }) => state === "failed");
    const retry = () => {
      this.error = null;
      this.uploader.retry();
    };
    this.panel.replaceChildren(...[
      el("h2", {}, this.request.name),
      el("p", {}, `${TITLES.uploading}: ${count(totals.done)} of ${plural(totals.files, "file")}, ${bytes(totals.sent)} of ${bytes(totals.size)}`),
      el("progress", { max: Math.max(1, totals.size), value: totals.sent, "aria-label": "Uploaded" }),
      isSettled && failed.length > 0 && problemBox(
        { title: `${plural(failed.length, "file")} not uploaded`, detail: failed[0].error.detail || failed[0].error.title },
        button("Retry", retry), totals.done > 0 && button("Go on without", () => this.goOn())),
      this.error && problemBox(this.error, ...(this.error.retryable ? [button("Try again", this.#retry)] : [])),
    ].filter(Boolean));
  }

  #retry = () => {
    this.error = null;
    this.again();
  };

  #drawTraining() {
    const { training, error } = this;
    const focused = this.panel.contains(document.activeElement);
    this.panel.replaceChildren(...[
      training && el("div", { class: "table-head" }, el("h2", { tabIndex: -1 }, training.name), el("p", { class: "hint" }, training.id)),
      training && this.#phases(training),
      training?.phase === "failed" && problemBox(training.problem ?? { title: "The training failed" }),
      training && refusedFiles(training),
      error && problemBox(error, ...(error.retryable ? [button("Try again", this.#retry)] : [])),
    ].flat().filter(Boolean));
    if (focused) this.panel.querySelector("summary, h2")?.focus();
  }

  #phases({ kind, phase, progress, seconds = {} }) {
    const phases = PHASES[kind] ?? PHASES.pictures;
    const at = phase === "done" ? phases.length : phases.indexOf(phase);
    const reached = phase === "failed" ? phases.filter((name) => name in seconds).length : at;
    const items = phases.map((name, index) => {
      const state = index < reached ? "done" : index > reached || at < 0 ? "waiting" : "now";
      const isFailed = phase === "failed" && index === reached;
      const share = state === "now" && progress?.total ? `${count(progress.done)} of ${count(progress.total)} ${progress.unit}` : "";
      const took = seconds[name] === undefined ? share : `${seconds[name].toFixed(1)} s`;
      return el("li", { class: isFailed ? "is-bad" : `is-${state}`, "aria-current": state === "now" ? "step" : undefined },
        el("span", {}, TITLES[name]), el("span", { class: "num hint" }, isFailed ? "failed" : took),
        state === "now" && progress?.total > 0 && el("progress", { max: progress.total, value: progress.done, "aria-label": TITLES[name] }));
    });
    const total = Object.values(seconds).reduce((sum, value) => sum + value, 0);
    return [
      phase === "waiting" && el("p", { class: "pending" }, "Waiting to start"),
      el("ol", { class: "phases", "aria-label": "Phases" }, items),
      phase === "done" && el("p", { class: "hint num" }, `Done in ${total.toFixed(1)} s.`),
    ];
  }
}
