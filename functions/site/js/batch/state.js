// The panel of a batch: what is uploaded, how many wait, are done, failed, and the one CSV.
import { el } from "../dom.js";
import { bytes, count, several } from "../format.js";
import { problemBox } from "../notice.js";

const LISTED = 6; // of uploads under way or failed; a folder may have thousands

const number = (name, value, kind) => el("div", { class: kind }, el("dt", {}, name), el("dd", {}, count(value)));

function uploads({ entries, totals }, actions) {
  const open = totals.files - totals.done - totals.failed;
  const words = `${count(totals.done)} of ${several(totals.files, "file")} uploaded, ${bytes(totals.sent)} of ${bytes(totals.size)}`;
  const failed = entries.filter(({ state }) => state === "failed");
  const shown = [...failed, ...entries.filter(({ state }) => state === "sending")].slice(0, LISTED);
  const button = (text, action) => el("button", { type: "button", onclick: action }, text);
  return [
    el("p", {}, words),
    el("progress", { max: Math.max(1, totals.size), value: totals.sent, "aria-label": "Uploaded" }),
    el("ul", { class: "files", "aria-label": "Uploads" }, shown.map(({ path, file, sent, state, error }) =>
      el("li", {},
        el("span", { class: "name", title: path }, path),
        el("span", { class: "hint num" }, state === "failed" ? "failed" : bytes(file.size)),
        state === "failed"
          ? el("p", { class: "wrong" }, error.detail || error.title)
          : el("progress", { max: Math.max(1, file.size), value: sent, "aria-label": `${path} sent` })))),
    failed.length > LISTED && el("p", { class: "hint" }, `and ${count(failed.length - LISTED)} more that failed`),
    el("div", { class: "row" },
      open > 0 && button("Stop uploading", actions.stop),
      open === 0 && failed.length > 0 && button(`Send ${several(failed.length, "file")} again`, actions.retry)),
  ];
}

/** What the panel shows before there is a batch. */
export const emptyState = () => el("p", { class: "empty" }, "Uploads, counts and results of the batch come here. A batch can be opened again by its name, in this browser or another.");

/** Fill the panel. batch: {name, model, uploader?, counts?, error?, csv}. */
export function showState(panel, batch, actions) {
  const { name, uploader, counts, error } = batch;
  const finished = counts && counts.waiting === 0 && (!uploader || uploader.totals.done + uploader.totals.failed === uploader.totals.files);
  const ready = counts ? counts.done + counts.failed : 0;
  const focused = panel.contains(document.activeElement) ? document.activeElement.textContent : null;
  const csv = el("button", { type: "button", class: finished ? "main" : undefined, disabled: ready === 0 || Boolean(batch.csv), onclick: actions.csv },
    batch.csv || (finished ? "Download one CSV" : "CSV so far"));
  const children = [
    el("h2", {}, name),
    uploader && uploader.entries.length > 0 && uploads(uploader, actions),
    counts && el("dl", { class: "counts" },
      number("Arrived", counts.total), number("Waiting", counts.waiting),
      number("Done", counts.done, "is-good"), number("Failed", counts.failed, counts.failed > 0 ? "is-bad" : undefined)),
    counts && el("progress", { max: Math.max(1, counts.total), value: ready, "aria-label": "Files with a result" }),
    error && problemBox(error, el("button", { type: "button", onclick: actions.again }, "Ask again")),
    el("div", { class: "row end" }, el("button", { type: "button", class: "quiet", onclick: actions.fresh }, "New batch"), csv),
  ];
  panel.replaceChildren(...children.flat().filter(Boolean));
  if (focused) [...panel.querySelectorAll("button")].find(({ textContent }) => textContent === focused)?.focus();
}
