// The Bulk view: a source and a model in, a plan, then the job as it goes on, and its results.
import { ApiError, at } from "../api.js";
import { byId, el } from "../dom.js";
import { isKnown } from "../widgets.js";
import { Form } from "./form.js";
import { Job } from "./job.js";
import { recentJobs } from "./recent.js";

class Bulk {
  constructor(section, { models }) {
    const [job, recent] = ["job", "recent"].map((name) => el("div", { class: "panel", id: `bulk-${name}`, hidden: true }));
    this.recent = recent;
    this.job = new Job(job, (state) => this.#changed(state), (error) => this.form.prior.refused(error));
    this.form = new Form(models, { onStart: (request, uploads) => this.job.start(request, uploads) });
    section.append(this.form.element, job, recent);
  }

  /** Called whenever the view is shown. id: of a job, from an address like #bulk/star-20261128-084500-1a2b3c. */
  async onShow(id) {
    if (!(await isKnown(this.recent, recentJobs, byId("bulk-unavailable"), this.form.element, () => this.onShow()))) return;
    const job = id && decodeURIComponent(id);
    if (job && job !== this.job.state?.id) await this.job.watch(job);
  }

  /** Files from a drop or a paste anywhere in the view. */
  addFiles(files) {
    this.form.addFiles(files);
  }

  /** A state of the job that is followed: its address is kept, and the list when it rests. */
  async #changed({ id, phase }) {
    const address = at`#bulk/${id}`;
    if (location.hash.startsWith("#bulk") && location.hash !== address) history.replaceState(null, "", address);
    if (phase === this.phase) return;
    this.phase = phase;
    try {
      await recentJobs(this.recent);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error; // it is there again when the view is next shown
    }
  }
}

/** Fill the section. */
export const start = (section, context) => new Bulk(section, context);
