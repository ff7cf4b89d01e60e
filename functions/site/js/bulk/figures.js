// The parts of a bulk job's panel: its plan, its progress, its results.
import { button, el } from "../dom.js";
import { bytes, count, dollars, duration, percent, plural } from "../format.js";
import { sharesFigure, wholeVerdict } from "../typicality.js";
import { announce, bars, factList, hint, refusedFiles, scrollTable, tiles } from "../widgets.js";

const MAX_CLASSES = 20;
const ITEMS = { lambda: "Lambda", transitions: "Step Functions", s3: "S3" };


/** What a job is expected to take. isOpen: shown at once, before it is started. */
export function planOf({ parts, files, bytes: size, rows, rows_exact: isExact, seconds, concurrency, dollars: cost, prices, refused: unreadable }, isOpen) {
  const items = Object.entries(ITEMS).map(([name, text]) => `${text} ${dollars(cost[name])}`).join(", ");
  return el("details", { class: "plan", open: isOpen }, el("summary", {}, "Plan"),
    tiles([["Rows or pictures", `${isExact ? "" : "≈ "}${count(rows)}`], ["Parts", count(parts)], ["Time", `≈ ${duration(seconds)}`], ["Cost", `≈ ${dollars(cost.total)}`]]),
    factList([["Source", `${plural(files, "file")}, ${bytes(size)}`], ["At once", plural(concurrency, "part")],
      ["Cost by item", `${items} (list prices of ${prices.region}, ${prices.date})`]]),
    refusedFiles(unreadable, "cannot be read", { open: true }));
}

/** The classes so far, as bars of their shares. */
function histogram(classes) {
  const sorted = Object.entries(classes).sort(([, a], [, b]) => b - a);
  const total = sorted.reduce((sum, [, rows]) => sum + rows, 0);
  if (total === 0) return undefined;
  const shown = sorted.slice(0, MAX_CLASSES).map(([label, rows]) => ({ label, rows, probability: rows / total }));
  const more = sorted.length - shown.length;
  const textOf = ({ rows, probability }) => `${count(rows)}, ${percent(probability)}`;
  return [el("h3", {}, "Classes"), bars(shown, { textOf, name: "Classes" }), more > 0 && hint(`and ${count(more)} rarer`)];
}

/** How far a job is. */
export function progressOf({ parts, rows, classes, dollars: cost, seconds, eta_s: eta }, plan) {
  const ended = parts.done + parts.failed;
  const total = rows.total ?? plan?.rows;
  const rate = seconds > 0 ? `, ${count(Math.round(rows.in / seconds))} a second` : "";
  return [
    el("progress", { max: Math.max(1, parts.total), value: ended, "aria-label": "Parts done" }),
    el("p", { class: "hint num" }, `${count(ended)} of ${plural(parts.total, "part")}, ${count(rows.in)}${total ? ` of ${count(total)}` : ""} rows${rate}; ${duration(seconds)}${eta ? `, about ${duration(eta)} to go` : ""}; ${dollars(cost)} so far`),
    tiles([["Classified", count(rows.out), "good"],
      ...[["Rejected", rows.rejected], ["Failed", rows.failed], ["Parts given up", parts.failed]].map(([title, number]) => [title, count(number), number > 0 && "bad"])]),
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
  return [scrollTable("Files of the results", ["File", "#Size"], rows), listed.next && button("More files", list),
    hint("Links are valid for at most 15 minutes; reload the page for new ones.")];
}

/** Where the results are. listed: the pages of files that were asked for; list(): ask for the next. */
export function resultsOf({ links, summary }, listed, list) {
  return [
    wholeVerdict(summary), sharesFigure(summary?.class_shares),
    el("h3", {}, "Results"),
    factList([
      ["In S3", el("code", {}, links.data)],
      links.table && ["In Athena", el("code", {}, links.table)],
      links.sql && ["Query", [el("code", {}, links.sql), " ", button("Copy", () => copy(links.sql), { class: "quiet" })]],
      ["Reports", [links.summary && link("summary.json", links.summary), " ", links.index && link("index.csv", links.index)]],
    ]),
    fileList(listed, list),
  ];
}
