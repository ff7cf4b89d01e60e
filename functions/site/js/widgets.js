// Parts that several views share: messages to screen readers, error boxes, warnings, tables, bars of probabilities.
import { button, byId, el, put } from "./dom.js";
import { count, percent, plural } from "./format.js";

const LISTED = 100;

/** Announce a text politely to screen readers. */
export function announce(text) {
  byId("live").textContent = text;
}

/** Show what is wrong with an input in an element beside it; an empty text if nothing is. */
export function showFault(input, element, fault) {
  element.hidden = !fault;
  element.textContent = fault;
  if (fault) input?.setAttribute("aria-invalid", "true");
  else input?.removeAttribute("aria-invalid");
}

/** A box for a call that failed, with a button where it may succeed later. */
export const failure = (error, again) => problemBox(error, ...(error.retryable ? [button("Try again", again)] : []));

/** Fill a panel by a call, ask(): a text until it answers, a button where it failed; draw(answer) does the rest. */
export async function load(panel, text, ask, draw) {
  if (!panel.hasChildNodes() || panel.querySelector(":scope > .problem")) put(panel, el("p", { class: "empty" }, text));
  try {
    draw(await ask());
  } catch (error) {
    if (!("retryable" in error)) throw error;
    put(panel, problemBox(error, button("Try again", () => load(panel, text, ask, draw))));
  }
}

/** Show the service's recent work of a kind by fill(panel); whether it has such work at all: an older service does not know the call. */
export async function isKnown(panel, fill, notice, form, again) {
  let known = true;
  try {
    await fill(panel);
  } catch (error) {
    if (!("retryable" in error)) throw error;
    known = ![404, 405, 501].includes(error.status);
    panel.hidden = !known;
    put(panel, problemBox(error, button("Try again", again)));
  }
  form.hidden = !known;
  notice.hidden = known;
  return known;
}

/** A list of [name, fact] pairs, without those that are empty. */
export const factList = (pairs) =>
  el("dl", { class: "facts" }, pairs.filter((pair) => pair && pair[1] !== undefined && pair[1] !== "").map(([name, fact]) => [el("dt", {}, name), el("dd", {}, fact)]));

/** Large numbers: [title, value, kind], kind being "good", "bad" or nothing. */
export const tiles = (numbers) =>
  el("dl", { class: "counts" }, numbers.map(([title, value, kind]) => el("div", { class: kind && `is-${kind}` }, el("dt", {}, title), el("dd", {}, value))));

/** Files that were left out, {count, files: [{file, reason}]}, in a part to open; undefined if there are none. what: became of them. */
export function refusedFiles(refused, what, properties) {
  if (!refused?.count) return undefined;
  const listed = refused.files.slice(0, LISTED);
  const rows = listed.map(({ file, reason }) => el("tr", {}, el("td", { class: "wide" }, file), el("td", { class: "wide" }, reason)));
  const more = refused.count - listed.length;
  return el("details", { class: "refused", ...properties }, el("summary", {}, `${plural(refused.count, "file")} ${what}`),
    scrollTable(`Files: ${what}`, ["File", "Reason"], rows), more > 0 && hint(`and ${count(more)} more`));
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

/** A text in small print. */
export const hint = (...text) => el("p", { class: "hint" }, text);

/** A table in a region that scrolls. label: the region's name; head: cells, or names of columns, those of numbers with a # in front; rows: <tr> elements. */
export function scrollTable(label, head, rows, { region = "scroll", table } = {}) {
  const cells = head.map((cell) => (typeof cell === "string" ? el("th", { scope: "col", class: cell[0] === "#" && "n" }, cell.replace("#", "")) : cell));
  const content = el("table", { class: table }, el("thead", {}, el("tr", {}, cells)), el("tbody", {}, rows));
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
