// The colour-colour diagram: where an object falls among the classes of the training data.
import { el, svg } from "../dom.js";
import { percent } from "../format.js";

const WIDTH = 380;
const HEIGHT = 300;
const LEFT = 42;
const BOTTOM = 40;
const TOP = 8;
const RIGHT = 10;
const MOST_MARKS = 2_000;
const NAMES = { GALAXY: "Galaxies", QSO: "Quasars", STAR: "Stars" };
// Where each class's name stands: [u-g, g-r], beside its crowd.
const PLACES = { GALAXY: [3.1, 2.2], QSO: [-0.62, -0.25], STAR: [1.9, 0.18] };
let loading = null;

/** The CSS class of a label's colour. */
export const classOf = (label) => `is-${label.toLowerCase()}`;

const contours = () => {
  loading ??= fetch("data/colours.json").then((response) => {
    if (!response.ok) throw new Error("the contours did not load");
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

function axes({ x, y }, [[left, right], [low, high]]) {
  const across = Array.from({ length: right - left + 1 }, (_, step) => left + step);
  const up = Array.from({ length: Math.floor(high) - Math.ceil(low) + 1 }, (_, step) => Math.ceil(low) + step);
  const text = (value, place, anchor) => svg("text", { ...place, "text-anchor": anchor }, String(value));
  return [
    across.map((value) => [
      svg("line", { class: "axis", x1: x(value), x2: x(value), y1: TOP, y2: HEIGHT - BOTTOM }),
      text(value, { x: x(value), y: HEIGHT - BOTTOM + 16 }, "middle"),
    ]),
    up.map((value) => [
      svg("line", { class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }),
      text(value, { x: LEFT - 8, y: y(value) + 4 }, "end"),
    ]),
    text("u − g (mag)", { x: (LEFT + WIDTH) / 2, y: HEIGHT - 4 }, "middle"),
    svg("text", { x: -(HEIGHT - BOTTOM) / 2, y: 12, "text-anchor": "middle", transform: "rotate(-90)" }, "g − r (mag)"),
  ];
}

const outline = (ring, { x, y }) => `M${ring.map(([across, up]) => `${x(across).toFixed(1)} ${y(up).toFixed(1)}`).join("L")}Z`;

function crowds(classes, scale) {
  return Object.entries(classes).map(([label, levels]) => [
    levels.map(({ share, rings }) =>
      svg("path", {
        class: `contour ${classOf(label)} ${share > 0.5 ? "outer" : ""}`,
        "fill-rule": "evenodd",
        d: rings.map((ring) => outline(ring, scale)).join(""),
      }),
    ),
  ]);
}

const names = (classes, { x, y }) =>
  Object.keys(classes).map((label) => {
    const [across, up] = PLACES[label];
    return svg("text", { class: `class-name ${classOf(label)}`, x: x(across), y: y(up) }, NAMES[label]);
  });

function marks(objects, { x, y }) {
  const shown = objects.slice(0, MOST_MARKS);
  const many = shown.length > 1;
  return shown.map(({ values: { u, g, r }, label }) => [
    svg("circle", { class: `mark ${classOf(label)}`, cx: x(u - g), cy: y(g - r), r: many ? 3.5 : 6 }),
    many ? null : svg("circle", { class: "here", cx: x(u - g), cy: y(g - r), r: 11 }),
  ]);
}

/** The diagram of objects [{values, label}] with u, g and r in values. Resolves to a figure. */
export async function diagram(objects) {
  const { classes, ranges, source } = await contours();
  const scale = scales(ranges);
  const where = objects.length === 1 ? whereOf(objects[0]) : `${objects.length} objects`;
  const drawing = svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `Colour-colour diagram: ${where}` },
    axes(scale, ranges),
    crowds(classes, scale),
    marks(objects, scale),
    names(classes, scale),
  );
  const shares = Object.values(classes)[0].map(({ share }) => percent(share).replace(".0", ""));
  const caption = el("figcaption", {}, el("b", {}, "Among the training data"), `${where}. Areas hold ${shares.join(" and ")} of each class.`);
  return el("figure", {}, caption, drawing, el("p", { class: "hint" }, `From ${source}.`));
}

const whereOf = ({ values: { u, g, r } }) => `u − g = ${(u - g).toFixed(2)}, g − r = ${(g - r).toFixed(2)}`;
