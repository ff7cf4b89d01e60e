// What assistive technology is told, and error boxes.
import { byId, el } from "./dom.js";

/** Say something politely to screen readers. */
export function announce(text) {
  byId("live").textContent = text;
}

/** A box that says what went wrong, what to do, and offers to do it. refusal: see api.js. */
export function problemBox(refusal, ...actions) {
  return el(
    "div",
    { class: "problem", role: "group", "aria-label": "Problem" },
    el("p", {}, el("b", {}, refusal.title), refusal.detail ? `: ${refusal.detail}` : ""),
    refusal.advice && el("p", {}, refusal.advice),
    refusal.requestId && refusal.status >= 500 && el("p", { class: "hint" }, "Request ", el("code", {}, refusal.requestId)),
    actions.length > 0 && el("div", { class: "row" }, actions),
  );
}

/** What was done to an input before it was classified; undefined where nothing was. warnings: as the API answers them. */
export function warningList(warnings) {
  if (!warnings?.length) return undefined;
  return el("ul", { class: "warnings", "aria-label": "Warnings" }, warnings.map(({ code, detail }) => el("li", { "data-code": code }, detail)));
}
