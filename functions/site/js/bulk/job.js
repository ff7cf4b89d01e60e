// One bulk job, from its upload and its plan to its results.
import { ApiError, call, post } from "../api.js";
import { Uploader } from "../batch/uploader.js";
import { uploads } from "../batch/panels.js";
import { button, el } from "../dom.js";
import { follow } from "../following.js";
import { plural } from "../format.js";
import { announce, problemBox } from "../widgets.js";
import { planOf, progressOf, resultsOf } from "./figures.js";

const TITLES = {
  waiting: "Waiting to start",
  planning: "Planning: sources are listed and split, and a sample is classified",
  planned: "Planned",
  running: "Classifying",
  finishing: "Adding up",
  done: "Done",
  failed: "Failed",
  cancelled: "Cancelled",
};
const AT_REST = new Set(["planned", "done", "failed", "cancelled"]);

const pathOf = (id) => `/v1/bulk/${encodeURIComponent(id)}`;

const isResting = ({ phase }) => AT_REST.has(phase);

/** Shows a job in a panel. onChange(state): every state of it that the service reports. */
export class Job {
  constructor(panel, { onChange }) {
    this.panel = panel;
    this.onChange = onChange;
    this.stopping = new AbortController();
  }

  /** Upload the files {batch, files}, if there are any, and ask for a plan. */
  async start(request, toUpload) {
    this.#reset();
    const { signal } = this.stopping;
    this.panel.scrollIntoView({ block: "nearest" });
    let source = request.source;
    if (toUpload) {
      source = await this.#upload(toUpload, signal);
      if (signal.aborted) return;
    }
    await this.#act(() => post("/v1/bulk", { ...request, source }, { signal }));
  }

  /** Follow a job that has started. */
  async watch(id) {
    this.#reset();
    await this.#follow(id, this.stopping.signal);
  }

  #reset() {
    this.stopping.abort();
    this.uploader?.stop();
    Object.assign(this, { stopping: new AbortController(), uploader: null, state: null, error: null, again: null, files: null, announced: "" });
    this.panel.hidden = false;
    this.panel.replaceChildren();
  }

  /** Resolves to the source when all files are sent, or the visitor goes on without those that failed. */
  #upload({ batch, files }, signal) {
    announce(`Uploading ${plural(files.length, "file")}`);
    return new Promise((resolve) => {
      const go = () => {
        const { key, path } = this.uploader.entries.find(({ state }) => state === "sent");
        this.uploader = null;
        resolve({ prefix: key.slice(0, key.length - path.length) });
      };
      this.goOn = go;
      signal.addEventListener("abort", resolve);
      this.uploader = new Uploader("bulk", batch, () => {
        if (this.uploader?.entries.every(({ state }) => state === "sent")) go();
        this.#draw();
      });
      this.uploader.add(files, new Map());
    });
  }

  /** Make a call that answers with the job, then follow it. */
  async #act(request) {
    const { signal } = this.stopping;
    this.error = null;
    try {
      const state = await request();
      this.#take(state);
      await this.#follow(state.id, signal);
    } catch (error) {
      if (!signal.aborted) this.#fail(error, () => this.#act(request));
    }
  }

  #order(name) {
    return this.#act(() => post(`${pathOf(this.state.id)}/${name}`, {}, { signal: this.stopping.signal }));
  }

  #follow(id, signal) {
    return follow(pathOf(id), {
      signal,
      isOver: isResting,
      signOfLife: ({ phase, progress }) => [phase, progress?.parts],
      take: (state) => {
        this.error = null;
        this.#take(state);
      },
      fail: (error) => this.#fail(error, () => this.#follow(id, signal)),
    });
  }

  #take(state) {
    this.state = state;
    if (TITLES[state.phase] !== this.announced) announce(TITLES[state.phase]);
    this.announced = TITLES[state.phase];
    this.#draw();
    this.onChange(state);
  }

  #fail(error, again) {
    if (!(error instanceof ApiError)) throw error;
    Object.assign(this, { error, again });
    this.#draw();
  }

  async #listFiles() {
    const { signal } = this.stopping;
    const from = this.files?.next ? `?next=${encodeURIComponent(this.files.next)}` : "";
    try {
      const page = await call(`${pathOf(this.state.id)}/files${from}`, { signal });
      this.files = { ...page, files: [...(this.files?.files ?? []), ...page.files] };
      this.#draw();
    } catch (error) {
      if (!signal.aborted) this.#fail(error, () => this.#listFiles());
    }
  }

  #draw() {
    if (this.isDrawn) return;
    this.isDrawn = true;
    requestAnimationFrame(() => {
      this.isDrawn = false;
      const focused = this.panel.contains(document.activeElement) ? document.activeElement.textContent : null;
      this.panel.replaceChildren(...(this.uploader ? this.#uploading() : this.#job()).flat(Infinity).filter(Boolean));
      if (focused) ([...this.panel.querySelectorAll("button, summary")].find(({ textContent }) => textContent === focused) ?? this.panel.querySelector("h2"))?.focus();
    });
  }

  #uploading() {
    const { entries, totals, isSettled } = this.uploader;
    const actions = { stop: () => this.uploader.stop(), retry: () => this.uploader.retry() };
    return [
      el("h2", { tabIndex: -1 }, "Uploading"), uploads(this.uploader, actions),
      isSettled && totals.failed > 0 && totals.done > 0 && button(`Go on with ${plural(entries.length - totals.failed, "file")}`, this.goOn),
    ];
  }

  #job() {
    const { state, error } = this;
    const failure = error && problemBox(error, ...(error.retryable ? [button("Try again", this.again)] : []));
    if (!state) return [failure ?? el("p", { class: "pending" }, "Asking for a plan…")];
    const { model, id, phase, plan, progress, problem } = state;
    return [
      el("div", { class: "table-head" }, el("h2", { tabIndex: -1 }, model), el("p", { class: "hint" }, id)),
      el("p", { class: isResting(state) ? "bulk-phase" : "bulk-phase pending", "data-phase": phase }, TITLES[phase]),
      problem && problemBox(problem),
      progress && phase !== "planned" && progressOf(progress, plan),
      plan && planOf(plan, phase === "planned"),
      (phase === "done" || state.links.summary) && resultsOf(state, this.files, () => this.#listFiles()),
      failure,
      el("div", { class: "row end" }, this.#orders(phase)),
    ];
  }

  #orders(phase) {
    const cancel = button("Cancel", () => this.#order("cancel"));
    const resume = (text) => button(text, () => this.#order("resume"), { class: "main" });
    if (phase === "planned") return [cancel, resume("Start")];
    if (phase === "cancelled" || phase === "failed") return [resume("Resume")];
    return isResting({ phase }) ? [] : [cancel];
  }
}
