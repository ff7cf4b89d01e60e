// The figures of a model card: its confusion matrix and its reliability diagram.
import { el, svg } from "../dom.js";
import { count, percent, plural } from "../format.js";
import { axes, drawing } from "../plot.js";
import { scrollTable } from "../widgets.js";

const SIDE = 300;
const LEFT = 44;
const BOTTOM = 40;
const PLOT = SIDE - LEFT - 10;
const MIN_RADIUS = 2.5;
const MAX_RADIUS = 11;

const x = (share) => LEFT + share * PLOT;
const y = (share) => SIDE - BOTTOM - share * (SIDE - BOTTOM - 10);

/** A table of counts, each cell shaded by its share of the row. {rows, columns}: class names; counts: one list per true class. of: the model, for the label. */
export function confusionTable({ rows, columns, counts }, of) {
  const head = [el("th", { scope: "col" }, "True class"), columns.map((name) => el("th", { scope: "col", class: "up" }, el("span", {}, name)))];
  const body = counts.map((line, row) => {
    const total = line.reduce((sum, number) => sum + number, 0) || 1;
    const cells = line.map((number, column) => {
      const share = number / total;
      const title = `${rows[row]} predicted as ${columns[column]}: ${percent(share)}`;
      const style = { "--share": `${Math.round(Math.sqrt(share) * 42)}%` };
      return el("td", { class: rows[row] === columns[column] ? "n cell right" : "n cell", style, title }, number ? count(Math.round(number * 10) / 10) : "");
    });
    return el("tr", {}, el("th", { scope: "row" }, rows[row]), cells);
  });
  const caption = el("figcaption", {}, el("b", {}, "Confusion matrix"), "Rows: true class. Columns: predicted class. Held-out data.");
  return el("figure", {}, caption, scrollTable(`Confusion matrix: ${of}`, head, body, { region: "scroll plain", table: "confusion" }));
}

const ticks = (scale) => [0, 0.25, 0.5, 0.75, 1].map((share) => [scale(share), share * 100]);

/** How often the best label is right against its predicted probability. bins: [{count, confidence, accuracy}]. */
export function reliabilityDiagram(bins) {
  const largest = Math.max(...bins.map(({ count }) => count));
  const line = bins.map(({ confidence, accuracy }) => `${x(confidence)},${y(accuracy)}`).join(" ");
  const describe = ({ confidence, accuracy }) => `predicted ${percent(confidence)}, observed ${percent(accuracy)}`;
  const points = bins.map((bin) => {
    const r = MIN_RADIUS + (MAX_RADIUS - MIN_RADIUS) * Math.sqrt(bin.count / largest);
    const title = svg("title", {}, `${describe(bin)}, ${plural(bin.count, "input")}`);
    return svg("circle", { class: "mark", cx: x(bin.confidence), cy: y(bin.accuracy), r }, title);
  });
  const content = [
    axes({ left: x(0), right: x(1), top: y(1), bottom: y(0) }, { ticks: ticks(x), title: "predicted probability (%)" }, { ticks: ticks(y), title: "observed accuracy (%)" }),
    svg("line", { class: "ideal", x1: x(0), y1: y(0), x2: x(1), y2: y(1) }),
    svg("polyline", { class: "curve", points: line }),
    points,
  ];
  const caption = "On the dashed line, observed accuracy equals the predicted probability. Larger dots: more inputs.";
  return el("figure", {}, el("figcaption", {}, el("b", {}, "Reliability"), caption), drawing(SIDE, SIDE, `Reliability: ${bins.map(describe).join("; ")}`, content, "square"));
}
