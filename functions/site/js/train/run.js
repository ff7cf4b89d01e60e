// One training, from its upload to its end: progress by phase, and what failed.
import { at, post } from "../api.js";
import { el } from "../dom.js";
import { count } from "../format.js";
import { failure, hint, problemBox, refusedFiles } from "../widgets.js";
import { Work } from "../work.js";

const PHASES = {
  pictures: ["reading", "features", "fitting", "evaluating", "publishing"],
  star: ["reading", "fitting", "evaluating", "publishing"],
};
const TITLES = {
  waiting: "Waiting",
  reading: "Reading the data",
  features: "Computing features",
  fitting: "Fitting the classifier",
  evaluating: "Evaluating on held-out data",
  publishing: "Publishing the version",
  done: "The training is done",
  failed: "The training failed",
};

/** Shows a training in a panel. */
export class Run extends Work {
  pathOf = (id) => at`/v1/trainings/${id}`;
  isOver = ({ phase }) => phase === "done" || phase === "failed";
  titleOf = ({ phase }) => TITLES[phase];
  signOfLife = ({ phase, progress }) => [phase, progress];

  /** Upload files [{file, path}], then start the training of a request; its source is their batch, or the one file that it names as `whole`. sent: those that are uploaded already. */
  async start({ whole, ...request }, files, batch, sent) {
    this.reset();
    this.show();
    const entries = await this.upload("training", batch, files, sent);
    const source = whole ? { s3_key: entries.find(({ file }) => file === whole).key } : { batch };
    await this.act((signal) => post("/v1/trainings", { ...request, source }, { signal }));
  }

  content() {
    const { state, error } = this;
    return [
      state && [
        el("div", { class: "table-head" }, el("h2", { tabIndex: -1 }, state.name), hint(state.id)),
        this.#phases(state),
        state.phase === "failed" && problemBox(state.problem ?? { title: TITLES.failed }),
        refusedFiles(state.refused, "left out"),
      ],
      error && failure(error, this.again),
    ];
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
