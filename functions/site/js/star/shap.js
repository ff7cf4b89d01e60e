// What spoke for a class and what against it: SHAP contributions as bars to the right and the left of zero.
import { el, svg } from "../dom.js";

const SHOWN = 8;
const ROW = 25;
const WIDTH = 360;
const NAME = 118;
const VALUE = 46;
const WORDS = { "r-5log10(redshift)": "r − 5 log z", redshift: "redshift", bend_g: "bend at g", bend_r: "bend at r", bend_i: "bend at i" };

const nameOf = (feature) => WORDS[feature] ?? feature.replace("-", " − ");
/** Two digits; never a minus before nothing. */
const plain = (value) => (Math.abs(value) < 0.005 ? "0" : value.toFixed(2).replace("-", "−"));
const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

function rows(explanation, label) {
  const all = Object.entries(explanation.classes[label].contributions).sort(([, one], [, other]) => Math.abs(other) - Math.abs(one));
  const rest = all.slice(SHOWN).reduce((sum, [, value]) => sum + value, 0);
  const shown = all.slice(0, SHOWN).map(([feature, value]) => [`${nameOf(feature)} = ${plain(explanation.features[feature])}`, value]);
  return all.length > SHOWN ? [...shown, [`${all.length - SHOWN} others`, rest]] : shown;
}

function draw(explanation, label) {
  const listed = rows(explanation, label);
  // Zero stands where both sides have the room that they need; the numbers beside the bars need some too.
  const most = Math.max(0, ...listed.map(([, value]) => value));
  const least = Math.min(0, ...listed.map(([, value]) => value));
  const beside = VALUE * ((most > 0) + (least < 0));
  const scale = (WIDTH - NAME - beside) / Math.max(most - least, 1e-6);
  const zero = NAME + (least < 0 ? VALUE : 0) - least * scale;
  const height = listed.length * ROW + 6;
  const spoken = listed.map(([name, value]) => `${name}: ${signed(value)}`).join("; ");
  const bars = listed.map(([name, value], line) => {
    const middle = line * ROW + 14;
    const length = Math.abs(value) * scale;
    const left = value < 0 ? zero - length : zero;
    const place = value < 0 ? { x: left - 6, "text-anchor": "end" } : { x: left + length + 6, "text-anchor": "start" };
    return [
      svg("text", { x: 0, y: middle + 4 }, name),
      svg("rect", { class: value < 0 ? "minus" : "plus", x: left, y: middle - 8, width: Math.max(1, length), height: 16, rx: 3 }),
      svg("text", { ...place, y: middle + 4, class: "strong" }, signed(value)),
    ];
  });
  const axis = svg("line", { class: "axis", x1: zero, x2: zero, y1: 2, y2: height - 4 });
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": `Contributions to ${label}: ${spoken}` }, axis, bars);
}

/** A figure with a choice of the class that is explained; the best one first. explanation: as the API answers it. */
export function shapFigure(explanation, best) {
  const holder = el("div", {}, draw(explanation, best));
  const labels = Object.keys(explanation.classes);
  const select = el("select", { "aria-label": "Class that is explained" }, labels.map((label) => el("option", { value: label }, label)));
  select.value = best;
  select.addEventListener("change", () => holder.replaceChildren(draw(explanation, select.value)));
  const caption = el("figcaption", {}, el("b", {}, "What spoke for it"), "Tree SHAP: to the right for the class, to the left against it.");
  return el("figure", {}, el("div", { class: "table-head" }, caption, el("div", {}, select)), holder);
}
