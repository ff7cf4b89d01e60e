// Parts that several views share: messages to screen readers, error boxes, warnings, tables, bars of probabilities.
import { byId, el } from "./dom.js";
import { percent } from "./format.js";

/** Announce a text politely to screen readers. */
export function announce(text) {
  byId("live").textContent = text;
}

/** A box with what went wrong, what to do about it, and buttons for it. error: an ApiError, or its fields. */
export function problemBox(error, ...actions) {
  return el(
    "div",
    { class: "problem", role: "group", "aria-label": "Problem" },
    el("p", {}, el("b", {}, error.title), error.detail ? `: ${error.detail}` : ""),
    error.advice && el("p", {}, error.advice),
    error.requestId && error.status >= 500 && el("p", { class: "hint" }, "Request ID ", el("code", {}, error.requestId)),
    actions.length > 0 && el("div", { class: "row" }, actions),
  );
}

/** What was done to an input before it was classified; undefined if nothing. warnings: as in the API's answer. */
export function warningList(warnings) {
  if (!warnings?.length) return undefined;
  return el("ul", { class: "warnings", "aria-label": "Warnings" }, warnings.map(({ code, detail }) => el("li", { "data-code": code }, detail)));
}

/** A table in a region that scrolls. label: the region's name; head: cells; rows: <tr> elements. */
export function scrollTable(label, head, rows, { region = "scroll", table } = {}) {
  const content = el("table", { class: table }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows));
  return el("div", { class: region, tabIndex: 0, role: "region", "aria-label": label }, content);
}

/** Predictions, or shares, as an ordered list of bars. classOf(label): a CSS class for the row's colour; textOf(item): its number as text; name: of the list. */
export function bars(items, { classOf = () => undefined, textOf = ({ probability }) => percent(probability), name } = {}) {
  return el("ol", { class: "bars", "aria-label": name }, items.map((item) =>
    el("li", { class: classOf(item.label) },
      el("span", {}, item.label),
      el("span", { class: "value" }, textOf(item)),
      el("span", { class: "track" }, el("span", { class: "fill", style: { width: `${item.probability * 100}%` } })))));
}
