// The parts of a bulk job's panel: its plan, its progress, its results.
import { button, el } from "../dom.js";
import { bytes, count, dollars, duration, percent, plural } from "../format.js";
import { sharesFigure, wholeVerdict } from "../typicality.js";
import { announce, bars, scrollTable } from "../widgets.js";

const MAX_CLASSES = 20;
const ITEMS = { lambda: "Lambda", transitions: "Step Functions", s3: "S3" };

const number = (title, value, kind) => el("div", { class: kind }, el("dt", {}, title), el("dd", {}, value));
const fact = (title, ...value) => [el("dt", {}, title), el("dd", {}, value)];
const heads = (...names) => names.map((name) => el("th", { scope: "col" }, name));

function refused({ count: total, files }) {
  if (total === 0) return undefined;
  const rows = files.map(({ file, reason }) => el("tr", {}, el("td", { class: "wide" }, file), el("td", { class: "wide" }, reason)));
  const more = total - files.length;
  return el("details", { class: "refused", open: true }, el("summary", {}, `${plural(total, "file")} cannot be read`),
    scrollTable("Files that cannot be read", heads("File", "Reason"), rows), more > 0 && el("p", { class: "hint" }, `and ${count(more)} more`));
}

/** What a job is expected to take. isOpen: shown at once, before it is started. */
export function planOf({ parts, files, bytes: size, rows, rows_exact: isExact, seconds, concurrency, dollars: cost, prices, refused: unreadable }, isOpen) {
  const items = Object.entries(ITEMS).map(([name, text]) => `${text} ${dollars(cost[name])}`).join(", ");
  return el("details", { class: "plan", open: isOpen }, el("summary", {}, "Plan"),
    el("dl", { class: "counts" },
      number("Rows or pictures", `${isExact ? "" : "≈ "}${count(rows)}`), number("Parts", count(parts)),
      number("Time", `≈ ${duration(seconds)}`), number("Cost", `≈ ${dollars(cost.total)}`)),
    el("dl", { class: "facts" },
      fact("Source", `${plural(files, "file")}, ${bytes(size)}`), fact("At once", plural(concurrency, "part")),
      fact("Cost by item", `${items} (list prices of ${prices.region}, ${prices.date})`)),
    refused(unreadable));
}

/** The classes so far, as bars of their shares. */
function histogram(classes) {
  const sorted = Object.entries(classes).sort(([, a], [, b]) => b - a);
  const total = sorted.reduce((sum, [, rows]) => sum + rows, 0);
  if (total === 0) return undefined;
  const shown = sorted.slice(0, MAX_CLASSES).map(([label, rows]) => ({ label, rows, probability: rows / total }));
  const more = sorted.length - shown.length;
  const textOf = ({ rows, probability }) => `${count(rows)}, ${percent(probability)}`;
  return [el("h3", {}, "Classes"), bars(shown, { textOf, name: "Classes" }), more > 0 && el("p", { class: "hint" }, `and ${count(more)} rarer`)];
}

/** How far a job is. */
export function progressOf({ parts, rows, classes, dollars: cost, seconds, eta_s: eta }, plan) {
  const ended = parts.done + parts.failed;
  const total = rows.total ?? plan?.rows;
  const rate = seconds > 0 ? `, ${count(Math.round(rows.in / seconds))} a second` : "";
  return [
    el("progress", { max: Math.max(1, parts.total), value: ended, "aria-label": "Parts done" }),
    el("p", { class: "hint num" }, `${count(ended)} of ${plural(parts.total, "part")}, ${count(rows.in)}${total ? ` of ${count(total)}` : ""} rows${rate}; ${duration(seconds)}${eta ? `, about ${duration(eta)} to go` : ""}; ${dollars(cost)} so far`),
    el("dl", { class: "counts" },
      number("Classified", count(rows.out), "is-good"), number("Rejected", count(rows.rejected), rows.rejected > 0 ? "is-bad" : undefined),
      number("Failed", count(rows.failed), rows.failed > 0 ? "is-bad" : undefined), number("Parts given up", count(parts.failed), parts.failed > 0 ? "is-bad" : undefined)),
    histogram(classes),
  ];
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    announce("Copied");
  } catch {
    announce("The browser did not allow it; select the text instead");
  }
}

const link = (text, url) => el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, text);

function fileList(listed, list) {
  if (!listed) return button("List the files", list);
  const rows = listed.files.map(({ name, bytes: size, link: url }) => el("tr", {}, el("td", {}, link(name, url)), el("td", { class: "n" }, bytes(size))));
  return [scrollTable("Files of the results", heads("File", "Size"), rows), listed.next && button("More files", list),
    el("p", { class: "hint" }, "Links are valid for at most 15 minutes; reload the page for new ones.")];
}

/** Where the results are. listed: the pages of files that were asked for; list(): ask for the next. */
export function resultsOf({ links, summary }, listed, list) {
  return [
    wholeVerdict(summary), sharesFigure(summary?.class_shares),
    el("h3", {}, "Results"),
    el("dl", { class: "facts" },
      fact("In S3", el("code", {}, links.data)),
      links.table && fact("In Athena", el("code", {}, links.table)),
      links.sql && fact("Query", el("code", {}, links.sql), " ", button("Copy", () => copy(links.sql), { class: "quiet" })),
      fact("Reports", links.summary && link("summary.json", links.summary), " ", links.index && link("index.csv", links.index))),
    fileList(listed, list),
  ];
}
