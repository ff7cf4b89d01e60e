// What diagrams have in common: the drawing, its axes and their numbers.
import { svg } from "./dom.js";

const text = (content, position, anchor) => svg("text", { ...position, "text-anchor": anchor }, content);
const line = (x1, y1, x2, y2) => svg("line", { class: "axis", x1, y1, x2, y2 });

/** A drawing of a width and a height with a description. */
export const drawing = (width, height, label, content, kind) =>
  svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, class: kind }, content);

/** Axes around a box in pixels. across, up: {ticks: [[position, text], ...], title, grid}; without a grid there are numbers alone. */
export function axes({ left, right, top, bottom }, across, up) {
  return [
    across.ticks.map(([at, label]) => [across.grid !== false && line(at, top, at, bottom), text(label, { x: at, y: bottom + 16 }, "middle")]),
    up.ticks.map(([at, label]) => [line(left, at, right, at), text(label, { x: left - 8, y: at + 4 }, "end")]),
    text(across.title, { x: (left + right) / 2, y: bottom + 36 }, "middle"),
    text(up.title, { x: -(top + bottom) / 2, y: 12, transform: "rotate(-90)" }, "middle"),
  ];
}
