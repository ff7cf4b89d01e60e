// The trainings of the last days, newest first.
import { at, call } from "../api.js";
import { el, put } from "../dom.js";
import { when } from "../format.js";
import { scrollTable } from "../widgets.js";
import { accuracyOf } from "../models/trained-card.js";

const LISTED = 10;

function row({ id, name, kind, phase, created, metrics, promoted }) {
  const state = phase === "done" ? (promoted ? "done, live" : "done") : phase === "failed" ? phase : `${phase}…`;
  return el("tr", {},
    el("td", {}, el("a", { href: at`#train/${id}` }, name)), el("td", {}, kind === "star" ? "table" : kind),
    el("td", {}, when(created)), el("td", { class: phase === "failed" ? "wrong" : undefined }, state),
    el("td", { class: "n" }, accuracyOf(metrics?.accuracy)));
}

/** Fill the panel; hidden while there are none. Throws ApiError, with status 404 where the service does not train. */
export async function recentTrainings(panel) {
  const { trainings } = await call(`/v1/trainings?limit=${LISTED}`);
  panel.hidden = trainings.length === 0;
  put(panel, el("h2", {}, "Recent trainings"), scrollTable("Recent trainings", ["Model", "Kind", "Started", "State", "#Accuracy"], trainings.map(row)));
}
