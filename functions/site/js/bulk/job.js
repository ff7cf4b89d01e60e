// One bulk job, from its upload and its plan to its results.
import { at, call, post, withOptions } from "../api.js";
import { button, el } from "../dom.js";
import { failure, hint, problemBox } from "../widgets.js";
import { Work } from "../work.js";
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
const AT_REST = ["planned", "done", "failed", "cancelled"];

/** Shows a job in a panel. */
export class Job extends Work {
  pathOf = (id) => at`/v1/bulk/${id}`;
  isOver = ({ phase }) => AT_REST.includes(phase);
  titleOf = ({ phase }) => TITLES[phase];
  signOfLife = ({ phase, progress }) => [phase, progress?.parts];

  reset() {
    super.reset();
    this.files = null;
  }

  /** Upload the files {batch, files}, if there are any, and ask for a plan. */
  async start(request, toUpload) {
    this.reset();
    this.show();
    let { source } = request;
    if (toUpload) {
      const { key, path } = (await this.upload("bulk", toUpload.batch, toUpload.files)).find(({ state }) => state === "sent");
      source = { prefix: key.slice(0, key.length - path.length) };
    }
    await this.act((signal) => post("/v1/bulk", { ...request, source }, { signal }));
  }

  #order(name) {
    return this.act((signal) => post(`${this.pathOf(this.state.id)}/${name}`, {}, { signal }));
  }

  async #listFiles() {
    const { signal } = this.stopping;
    try {
      const page = await call(withOptions(`${this.pathOf(this.state.id)}/files`, { next: this.files?.next }), { signal });
      this.files = { ...page, files: [...(this.files?.files ?? []), ...page.files] };
      this.draw();
    } catch (error) {
      if (!signal.aborted) this.fail(error, () => this.#listFiles());
    }
  }

  content() {
    const { state, error } = this;
    const failed = error && failure(error, this.again);
    if (!state) return [failed ?? el("p", { class: "pending" }, "Asking for a plan…")];
    const { model, id, phase, plan, progress, problem } = state;
    return [
      el("div", { class: "table-head" }, el("h2", { tabIndex: -1 }, model), hint(id)),
      el("p", { class: this.isOver(state) ? "bulk-phase" : "bulk-phase pending", "data-phase": phase }, TITLES[phase]),
      problem && problemBox(problem),
      progress && phase !== "planned" && progressOf(progress, plan),
      plan && planOf(plan, phase === "planned"),
      (phase === "done" || state.links.summary) && resultsOf(state, this.files, () => this.#listFiles()),
      failed,
      el("div", { class: "row end" }, this.#orders(phase)),
    ];
  }

  #orders(phase) {
    const cancel = button("Cancel", () => this.#order("cancel"));
    const resume = (text) => button(text, () => this.#order("resume"), { class: "main" });
    if (phase === "planned") return [cancel, resume("Start")];
    if (phase === "cancelled" || phase === "failed") return [resume("Resume")];
    return AT_REST.includes(phase) ? [] : [cancel];
  }
}
