// What a batch shows: uploads and counts in one panel, its files and their results in the other.
import { ApiError, at, call, withOptions } from "../api.js";
import { button, el, put } from "../dom.js";
import { bytes, count, percent, plural } from "../format.js";
import { UNSURE, isUnsure, sharesFigure, untypicalMark, wholeVerdict } from "../typicality.js";
import { hint, problemBox, scrollTable, tiles, warningList } from "../widgets.js";
import { filesOf } from "./watch.js";

const MAX_LISTED = 6; // uploads in progress or failed; a folder may have thousands
const STATES = [["", "All"], ["done", "Done"], ["failed", "Failed"], ["waiting", "Waiting"]];
const RENEW_LINKS_S = 12 * 60; // they are valid for 15 minutes
const LINKS = { result: "classified table", rejected: "rejected rows", table: "table", record: "record", error: "error" };

/** The uploads of a batch, with what stops or repeats them. */
export function uploads({ entries, totals }, actions) {
  const open = totals.files - totals.done - totals.failed;
  const summary = `${count(totals.done)} of ${plural(totals.files, "file")} uploaded, ${bytes(totals.sent)} of ${bytes(totals.size)}`;
  const failed = entries.filter(({ state }) => state === "failed");
  const shown = [...failed, ...entries.filter(({ state }) => state === "sending")].slice(0, MAX_LISTED);
  return [
    el("p", {}, summary),
    el("progress", { max: Math.max(1, totals.size), value: totals.sent, "aria-label": "Uploaded" }),
    el("ul", { class: "files", "aria-label": "Uploads" }, shown.map(({ path, file, sent, state, error }) =>
      el("li", {},
        el("span", { class: "name", title: path }, path),
        el("span", { class: "hint num" }, state === "failed" ? "failed" : bytes(file.size)),
        state === "failed"
          ? el("p", { class: "wrong" }, error.detail || error.title)
          : el("progress", { max: Math.max(1, file.size), value: sent, "aria-label": `${path} sent` })))),
    failed.length > MAX_LISTED && hint(`and ${count(failed.length - MAX_LISTED)} more failed`),
    el("div", { class: "row" },
      open > 0 && button("Stop uploading", actions.stop),
      open === 0 && failed.length > 0 && button(`Retry ${plural(failed.length, "file")}`, actions.retry)),
  ];
}

/** What the panel shows before there is a batch. */
export const emptyState = () => el("p", { class: "empty" }, "Uploads, progress and results appear here. You can reopen a batch by its name, in this browser or another.");

/** Fill the panel. batch: {name, model, uploader?, counts?, error?, csv}. */
export function showState(panel, { name, uploader, counts, error, csv }, actions) {
  const isFinished = counts && counts.waiting === 0 && (!uploader || uploader.isSettled);
  const ready = counts ? counts.done + counts.failed : 0;
  const focused = panel.contains(document.activeElement) ? document.activeElement.textContent : null;
  put(panel,
    el("h2", {}, name),
    uploader && uploader.entries.length > 0 && uploads(uploader, actions),
    counts && tiles([["Uploaded", count(counts.total)], ["Waiting", count(counts.waiting)], ["Done", count(counts.done), "good"], ["Failed", count(counts.failed), counts.failed > 0 && "bad"]]),
    counts && el("progress", { max: Math.max(1, counts.total), value: ready, "aria-label": "Files with a result" }),
    error && problemBox(error, button("Try again", actions.again)),
    el("div", { class: "row end" },
      button("New batch", actions.reset, { class: "quiet" }),
      button(csv || (isFinished ? "Download CSV" : "Partial CSV"), actions.csv, { class: isFinished ? "main" : undefined, disabled: ready === 0 || Boolean(csv) })));
  if (focused) [...panel.querySelectorAll("button")].find(({ textContent }) => textContent === focused)?.focus();
}

/** What came of a file. feedback(predicted): asks whether it was right, where the picture is at hand. */
function outcome({ state, record, problem, members }, feedback) {
  if (state === "failed") return el("span", { class: "wrong" }, problem?.detail ?? problem?.title ?? "failed");
  if (state === "waiting") return el("span", { class: "hint" }, members ? `processing: ${plural(members.done, "picture")} so far` : "waiting");
  const best = record?.predictions?.[0];
  if (best) {
    const chance = percent(best.probability);
    const words = isUnsure(record) ? [el("b", {}, UNSURE), ` (${best.label} ${chance})`] : [el("b", {}, best.label), ` ${chance}`];
    return [words, " ", untypicalMark(record), warningList(record.warnings), feedback(best.label)];
  }
  if (members) return [`${count(members.done)} classified`, members.failed > 0 ? `, ${count(members.failed)} failed` : "", wholeVerdict(record)];
  const rows = record?.classified ?? record?.rows?.classified;
  return rows === undefined ? "done" : [`${plural(rows, "row")} classified`, wholeVerdict(record), warningList(record.warnings), record.class_shares && el("details", {}, el("summary", {}, "Class shares"), sharesFigure(record.class_shares))];
}

const links = (file) =>
  Object.entries(file.links).map(([kind, url]) => [el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, LINKS[kind] ?? kind), " "]);

/** The table of a batch's files. */
export class Results {
  constructor(panel) {
    this.panel = panel;
    this.state = "";
    this.loading = null;
    this.cursors = [null];
  }

  /** Show a batch from its first page on. feedback(path, predicted): the question whether an answer was right, where it can be asked. */
  open(batch, model, feedback) {
    Object.assign(this, { batch, model, feedback, state: "", cursors: [null] });
    this.panel.hidden = true;
  }

  /** Load the page that is shown; calls while it loads count as one more. */
  async refresh() {
    if (this.loading) {
      this.isStale = true;
      return;
    }
    this.loading = this.#load();
    await this.loading;
    this.loading = null;
    if (this.isStale) {
      this.isStale = false;
      this.refresh();
    }
  }

  async #load() {
    const { batch } = this;
    try {
      const page = await filesOf(batch, this.model, { state: this.state, next: this.cursors.at(-1) });
      if (batch === this.batch) this.#draw(page);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status !== 404 && batch === this.batch) this.panel.replaceChildren(problemBox(error));
    }
  }

  #draw({ files, next, typicality }) {
    // The page may stay open for hours: links are renewed before they expire.
    clearTimeout(this.renewal);
    this.renewal = setTimeout(() => this.refresh(), RENEW_LINKS_S * 1e3);
    const focused = this.panel.contains(document.activeElement) ? document.activeElement.dataset.do : undefined;
    const filter = STATES.map(([state, text]) =>
      button(text, () => this.#show(state), { "aria-pressed": String(state === this.state), "data-do": `state-${state}` }));
    const rows = files.map((file) =>
      el("tr", {}, el("td", { class: "wide" }, file.name), el("td", { class: "wide" }, outcome(file, (predicted) => this.feedback(file.name, predicted))), el("td", {}, links(file))));
    const turn = (text, isEnabled, action) => button(text, () => this.#page(action), { disabled: !isEnabled, "data-do": text });
    const isFirst = this.cursors.length === 1;
    const pages = (!isFirst || next) &&
      el("nav", { class: "pages", "aria-label": "Pages of files" },
        turn("Previous", !isFirst, () => this.cursors.pop()), `${this.cursors.length}`, turn("Next", Boolean(next), () => this.cursors.push(next)));
    const whole = typicality && { typicality: { ...typicality, detail: pages ? `on this page, ${typicality.detail}` : typicality.detail } };
    this.panel.hidden = false;
    put(this.panel,
      el("div", { class: "table-head" }, el("h2", {}, "Results"), el("div", { class: "row", role: "group", "aria-label": "Show only" }, filter)), wholeVerdict(whole),
        files.length > 0 ? scrollTable("Files of the batch", ["File", "Result", "Files"], rows) : el("p", { class: "empty" }, "No files in this state."), pages);
    if (focused) this.panel.querySelector(`[data-do="${focused}"]`)?.focus();
  }

  #show(state) {
    this.state = state;
    this.#page(() => (this.cursors = [null]));
  }

  #page(turn) {
    turn();
    this.refresh();
  }
}

/** All results so far as the pages of one CSV. onPage(pages) reports the progress. */
export async function joinedCsv(batch, model, onPage) {
  const parts = [];
  let path = withOptions(at`/v1/batches/${batch}/results.csv`, { model });
  while (path) {
    const { text, next } = await call(path, { as: "page" });
    parts.push(text);
    onPage(parts.length);
    path = next;
  }
  return parts;
}
