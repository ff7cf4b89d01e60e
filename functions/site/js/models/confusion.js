// What each true class was taken for: a table, each cell shaded by its share of the row.
import { el } from "../dom.js";
import { count, percent } from "../format.js";

/** A table of counts. {rows, columns}: names, counts: a list for each true class. of: whose it is, for its label. */
export function confusionTable({ rows, columns, counts }, of) {
  const head = el("tr", {}, el("th", { scope: "col" }, "True class"), columns.map((name) => el("th", { scope: "col", class: "up" }, el("span", {}, name))));
  const body = counts.map((line, place) => {
    const total = line.reduce((sum, number) => sum + number, 0) || 1;
    const cells = line.map((number, column) => {
      const share = number / total;
      const right = rows[place] === columns[column];
      const title = `${rows[place]} taken for ${columns[column]}: ${percent(share)}`;
      const style = { "--share": `${Math.round(Math.sqrt(share) * 42)}%` };
      return el("td", { class: right ? "n cell right" : "n cell", style, title }, number ? count(number) : "");
    });
    return el("tr", {}, el("th", { scope: "row" }, rows[place]), cells);
  });
  const caption = el("figcaption", {}, el("b", {}, "Confusion matrix"), "A row a true class, a column what it was taken for, on what was held out.");
  const table = el("table", { class: "confusion" }, el("thead", {}, head), el("tbody", {}, body));
  return el("figure", {}, caption, el("div", { class: "scroll plain", tabIndex: 0, role: "region", "aria-label": `Confusion matrix: ${of}` }, table));
}
