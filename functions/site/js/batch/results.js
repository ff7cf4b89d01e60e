// The files of a batch as their results come, and all of them as one CSV.
import { Refusal, call } from "../api.js";
import { el } from "../dom.js";
import { count, percent, several } from "../format.js";
import { problemBox } from "../notice.js";
import { filesOf } from "./watch.js";

const STATES = [["", "All"], ["done", "Done"], ["failed", "Failed"], ["waiting", "Waiting"]];
const LINKS_LAST_S = 12 * 60; // the service gives 15 minutes
const LINKS = { result: "classified table", rejected: "refused rows", table: "table", record: "record", error: "error" };

function outcome({ state, record, problem, members }) {
  if (state === "failed") return el("span", { class: "wrong" }, problem?.detail ?? problem?.title ?? "failed");
  if (state === "waiting") return el("span", { class: "hint" }, members ? `at work: ${count(members.done)} members so far` : "waiting");
  const best = record?.predictions?.[0];
  if (best) return [el("b", {}, best.label), ` ${percent(best.probability)}`];
  if (members) return [`${count(members.done)} sorted`, members.failed > 0 ? `, ${count(members.failed)} refused` : ""];
  const rows = record?.classified ?? record?.rows?.classified;
  return rows === undefined ? "done" : `${several(rows, "row")} classified`;
}

const links = (file) =>
  Object.entries(file.links).map(([kind, url]) => [el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, LINKS[kind] ?? kind), " "]);

/** The table of a batch's files. */
export class Results {
  constructor(panel) {
    this.panel = panel;
    this.state = "";
    this.busy = null;
    this.cursors = [null];
  }

  /** Show a batch from its first page on. */
  open(batch, model) {
    Object.assign(this, { batch, model, state: "", cursors: [null] });
    this.panel.hidden = true;
  }

  /** Ask for the page that is shown anew; calls while one is under way count as one more. */
  async refresh() {
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = this.#load();
    await this.busy;
    this.busy = null;
    if (this.again) {
      this.again = false;
      this.refresh();
    }
  }

  async #load() {
    const { batch } = this;
    try {
      const page = await filesOf(batch, this.model, { state: this.state, next: this.cursors.at(-1) });
      if (batch === this.batch) this.#draw(page);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.status !== 404 && batch === this.batch) this.panel.replaceChildren(problemBox(error));
    }
  }

  #draw({ files, next }) {
    // The page may stay open for hours: links that run out are replaced before they do.
    clearTimeout(this.renewal);
    this.renewal = setTimeout(() => this.refresh(), LINKS_LAST_S * 1e3);
    const focused = this.panel.contains(document.activeElement) ? document.activeElement.dataset.do : undefined;
    const filter = STATES.map(([state, words]) =>
      el("button", { type: "button", "aria-pressed": String(state === this.state), "data-do": `state-${state}`, onclick: () => this.#show(state) }, words));
    const rows = files.map((file) =>
      el("tr", {}, el("td", { class: "wide" }, file.name), el("td", { class: "wide" }, outcome(file)), el("td", {}, links(file))));
    const head = el("tr", {}, ["File", "Result", "Files"].map((name) => el("th", { scope: "col" }, name)));
    const table = el("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Files of the batch" }, el("table", {}, el("thead", {}, head), el("tbody", {}, rows)));
    const turn = (words, enabled, action) =>
      el("button", { type: "button", disabled: !enabled, "data-do": words, onclick: action }, words);
    const first = this.cursors.length === 1;
    const pages = (!first || next) &&
      el("nav", { class: "pages", "aria-label": "Pages of files" },
        turn("Previous", !first, () => this.#page(() => this.cursors.pop())), `${this.cursors.length}`,
        turn("Next", Boolean(next), () => this.#page(() => this.cursors.push(next))));
    this.panel.hidden = false;
    this.panel.replaceChildren(
      ...[el("div", { class: "table-head" }, el("h2", {}, "Results"), el("div", { class: "row", role: "group", "aria-label": "Show only" }, filter)),
        files.length > 0 ? table : el("p", { class: "empty" }, "No file is in this state."), pages].filter(Boolean));
    if (focused) this.panel.querySelector(`[data-do="${focused}"]`)?.focus();
  }

  #show(state) {
    this.state = state;
    this.cursors = [null];
    this.refresh();
  }

  #page(turn) {
    turn();
    this.refresh();
  }
}

/** All results so far as the text of one CSV, its pages joined. onPage(pages) tells of the progress. */
export async function joinedCsv(batch, model, onPage) {
  const parts = [];
  let path = `/v1/batches/${encodeURIComponent(batch)}/results.csv?model=${model}`;
  while (path) {
    const { text, next } = await call(path, { as: "page" });
    parts.push(text);
    onPage(parts.length);
    path = next;
  }
  return parts;
}
