// The bulk jobs of the last weeks, newest first.
import { at, call } from "../api.js";
import { el, put } from "../dom.js";
import { count, dollars, when } from "../format.js";
import { scrollTable } from "../widgets.js";

const LISTED = 10;
const AT_REST = ["planned", "done", "failed", "cancelled"];

function row({ id, model, created, phase, progress, plan }) {
  const cost = progress?.dollars ?? plan?.dollars.total;
  return el("tr", {},
    el("td", {}, el("a", { href: at`#bulk/${id}` }, id)), el("td", {}, model), el("td", {}, when(created)),
    el("td", { class: phase === "failed" ? "wrong" : undefined }, AT_REST.includes(phase) ? phase : `${phase}…`),
    el("td", { class: "n" }, plan ? count(plan.rows) : ""), el("td", { class: "n" }, cost === undefined ? "" : dollars(cost)));
}

/** Fill the panel; hidden while there are none. Throws ApiError, with status 404 where the service has no bulk jobs. */
export async function recentJobs(panel) {
  const { jobs } = await call(`/v1/bulk?limit=${LISTED}`);
  panel.hidden = jobs.length === 0;
  put(panel, el("h2", {}, "Recent jobs"), scrollTable("Recent jobs", ["Job", "Model", "Started", "State", "#Rows", "#Cost"], jobs.map(row)));
}
