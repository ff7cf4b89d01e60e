// The figures of an answer: the colour-colour diagram and the SHAP contributions.
import { choices, el, svg } from "../dom.js";
import { percent } from "../format.js";
import { axes, drawing } from "../plot.js";

const WIDTH = 380;
const HEIGHT = 300;
const LEFT = 42;
const BOTTOM = 40;
const TOP = 8;
const RIGHT = 10;
const MAX_MARKS = 2_000;
const CLASS_NAMES = { GALAXY: "Galaxies", QSO: "Quasars", STAR: "Stars" };
// Where each class's name is written, [u-g, g-r], beside its contours.
const NAME_PLACES = { GALAXY: [3.1, 2.2], QSO: [-0.62, -0.25], STAR: [1.9, 0.18] };
let loading = null;

/** The CSS class of a label's colour. */
export const classOf = (label) => `is-${label.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`;

const contours = () => {
  loading ??= fetch("data/colours.json").then((response) => {
    if (!response.ok) throw new Error("the contours failed to load");
    return response.json();
  });
  loading.catch(() => {
    loading = null;
  });
  return loading;
};

function scales([[left, right], [low, high]]) {
  const clamp = (value, from, to) => Math.min(to, Math.max(from, value));
  const x = (value) => LEFT + ((clamp(value, left, right) - left) / (right - left)) * (WIDTH - LEFT - RIGHT);
  const y = (value) => HEIGHT - BOTTOM - ((clamp(value, low, high) - low) / (high - low)) * (HEIGHT - BOTTOM - TOP);
  return { x, y };
}

/** The whole numbers of a range with their positions. */
const ticks = (scale, [from, to]) => Array.from({ length: Math.floor(to) - Math.ceil(from) + 1 }, (_, step) => [scale(Math.ceil(from) + step), Math.ceil(from) + step]);

const outline = (ring, { x, y }) => `M${ring.map(([across, up]) => `${x(across).toFixed(1)} ${y(up).toFixed(1)}`).join("L")}Z`;

function contourPaths(classes, scale) {
  return Object.entries(classes).map(([label, levels]) =>
    levels.map(({ share, rings }) => {
      const d = rings.map((ring) => outline(ring, scale)).join("");
      return svg("path", { class: `contour ${classOf(label)} ${share > 0.5 ? "outer" : ""}`, "fill-rule": "evenodd", d });
    }));
}

const names = (classes, { x, y }) =>
  Object.keys(classes).map((label) => {
    const [across, up] = NAME_PLACES[label];
    return svg("text", { class: `class-name ${classOf(label)}`, x: x(across), y: y(up) }, CLASS_NAMES[label]);
  });

function marks(objects, { x, y }) {
  const shown = objects.slice(0, MAX_MARKS);
  const isMany = shown.length > 1;
  return shown.map(({ values: { u, g, r }, label }) => [
    svg("circle", { class: `mark ${classOf(label)}`, cx: x(u - g), cy: y(g - r), r: isMany ? 3.5 : 6 }),
    isMany ? null : svg("circle", { class: "here", cx: x(u - g), cy: y(g - r), r: 11 }),
  ]);
}

/** The colour-colour diagram of objects [{values: {u, g, r}, label}] over the training data. Resolves to a figure. */
export async function diagram(objects) {
  const { classes, ranges, source } = await contours();
  const scale = scales(ranges);
  const where = objects.length === 1 ? describe(objects[0]) : `${objects.length} objects`;
  const [across, up] = [{ ticks: ticks(scale.x, ranges[0]), title: "u − g (mag)" }, { ticks: ticks(scale.y, ranges[1]), title: "g − r (mag)" }];
  const box = { left: LEFT, right: WIDTH - RIGHT, top: TOP, bottom: HEIGHT - BOTTOM };
  const content = [axes(box, across, up), contourPaths(classes, scale), marks(objects, scale), names(classes, scale)];
  const shares = Object.values(classes)[0].map(({ share }) => percent(share).replace(".0", ""));
  const caption = el("figcaption", {}, el("b", {}, "Position among the training data"), `${where}. Contours enclose ${shares.join(" and ")} of each class.`);
  return el("figure", {}, caption, drawing(WIDTH, HEIGHT, `Colour-colour diagram: ${where}`, content), el("p", { class: "hint" }, `Source: ${source}.`));
}

const describe = ({ values: { u, g, r } }) => `u − g = ${(u - g).toFixed(2)}, g − r = ${(g - r).toFixed(2)}`;

const SHAP = { features: 8, row: 25, width: 360, name: 118, value: 46 }; // lengths in pixels
const FEATURES = { "r-5log10(redshift)": "r − 5 log z", redshift: "redshift", bend_g: "bend at g", bend_r: "bend at r", bend_i: "bend at i" };

const nameOf = (feature) => FEATURES[feature] ?? feature.replace("-", " − ");
/** Two decimals, without a negative zero. */
const plain = (value) => (Math.abs(value) < 0.005 ? "0" : value.toFixed(2).replace("-", "−"));
const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

function contributions(explanation, label) {
  const all = Object.entries(explanation.classes[label].contributions).sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  const rest = all.slice(SHAP.features).reduce((sum, [, value]) => sum + value, 0);
  const shown = all.slice(0, SHAP.features).map(([feature, value]) => [`${nameOf(feature)} = ${plain(explanation.features[feature])}`, value]);
  return all.length > SHAP.features ? [...shown, [`${all.length - SHAP.features} others`, rest]] : shown;
}

function shapBars(explanation, label) {
  const listed = contributions(explanation, label);
  // Zero is placed so that the bars of both sides fit, with the numbers beside them.
  const largest = Math.max(0, ...listed.map(([, value]) => value));
  const smallest = Math.min(0, ...listed.map(([, value]) => value));
  const beside = SHAP.value * ((largest > 0) + (smallest < 0));
  const scale = (SHAP.width - SHAP.name - beside) / Math.max(largest - smallest, 1e-6);
  const zero = SHAP.name + (smallest < 0 ? SHAP.value : 0) - smallest * scale;
  const height = listed.length * SHAP.row + 6;
  const spoken = listed.map(([name, value]) => `${name}: ${signed(value)}`).join("; ");
  const bars = listed.map(([name, value], line) => {
    const middle = line * SHAP.row + 14;
    const length = Math.abs(value) * scale;
    const left = value < 0 ? zero - length : zero;
    const position = value < 0 ? { x: left - 6, "text-anchor": "end" } : { x: left + length + 6, "text-anchor": "start" };
    return [
      svg("text", { x: 0, y: middle + 4 }, name),
      svg("rect", { class: value < 0 ? "minus" : "plus", x: left, y: middle - 8, width: Math.max(1, length), height: 16, rx: 3 }),
      svg("text", { ...position, y: middle + 4, class: "strong" }, signed(value)),
    ];
  });
  const axis = svg("line", { class: "axis", x1: zero, x2: zero, y1: 2, y2: height - 4 });
  return drawing(SHAP.width, height, `Contributions to ${label}: ${spoken}`, [axis, bars]);
}

/** SHAP contributions to a class, at first the predicted one: bars to both sides of zero. explanation: as in the API's answer. */
export function shapFigure(explanation, best) {
  const holder = el("div", {}, shapBars(explanation, best));
  const labels = Object.keys(explanation.classes);
  const select = choices(labels.map((label) => [label, label]), { "aria-label": "Class to explain" });
  select.value = best;
  select.addEventListener("change", () => holder.replaceChildren(shapBars(explanation, select.value)));
  const caption = el("figcaption", {}, el("b", {}, "Why this class?"), "Bars to the right support it, to the left count against it (SHAP).");
  return el("figure", {}, el("div", { class: "table-head" }, caption, el("div", {}, select)), holder);
}
