// Whether a probability means what it says: how often the best label is right, against how probable it was said to be.
import { el, svg } from "../dom.js";
import { percent, several } from "../format.js";

const SIDE = 300;
const LEFT = 44;
const BOTTOM = 40;
const PLOT = SIDE - LEFT - 10;
const SMALLEST = 2.5;
const LARGEST = 11;

const x = (share) => LEFT + share * PLOT;
const y = (share) => SIDE - BOTTOM - share * (SIDE - BOTTOM - 10);

function axes() {
  const text = (words, place, anchor) => svg("text", { ...place, "text-anchor": anchor }, words);
  const steps = [0, 0.25, 0.5, 0.75, 1];
  return [
    steps.map((share) => [
      svg("line", { class: "axis", x1: x(share), x2: x(share), y1: y(0), y2: y(1) }),
      svg("line", { class: "axis", x1: x(0), x2: x(1), y1: y(share), y2: y(share) }),
      text(`${share * 100}`, { x: x(share), y: y(0) + 16 }, "middle"),
      text(`${share * 100}`, { x: x(0) - 8, y: y(share) + 4 }, "end"),
    ]),
    text("said: probability (%)", { x: x(0.5), y: SIDE - 4 }, "middle"),
    svg("text", { x: -y(0.5), y: 12, "text-anchor": "middle", transform: "rotate(-90)" }, "found: right (%)"),
  ];
}

/** A figure of the bins [{count, confidence, accuracy}]. */
export function reliabilityPlot(bins) {
  const most = Math.max(...bins.map(({ count }) => count));
  const line = bins.map(({ confidence, accuracy }) => `${x(confidence)},${y(accuracy)}`).join(" ");
  const points = bins.map(({ count, confidence, accuracy }) => {
    const r = SMALLEST + (LARGEST - SMALLEST) * Math.sqrt(count / most);
    const told = `said ${percent(confidence)}, right ${percent(accuracy)}, ${several(count, "input")}`;
    return svg("circle", { class: "mark", cx: x(confidence), cy: y(accuracy), r }, svg("title", {}, told));
  });
  const spoken = bins.map(({ confidence, accuracy }) => `said ${percent(confidence)}, right ${percent(accuracy)}`).join("; ");
  const drawing = svg(
    "svg",
    { viewBox: `0 0 ${SIDE} ${SIDE}`, role: "img", "aria-label": `Reliability: ${spoken}`, class: "square" },
    axes(),
    svg("line", { class: "ideal", x1: x(0), y1: y(0), x2: x(1), y2: y(1) }),
    svg("polyline", { class: "curve", points: line }),
    points,
  );
  const words = "On the dashed line a probability is exactly right; the larger a dot, the more inputs stand behind it.";
  return el("figure", {}, el("figcaption", {}, el("b", {}, "Reliability"), words), drawing);
}
