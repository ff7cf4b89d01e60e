// The learning curve of a trained model: accuracy by the number of examples, and what more of them would bring.
import { el, svg } from "../dom.js";
import { count, percent } from "../format.js";
import { axes, drawing } from "../plot.js";

const WIDTH = 380;
const HEIGHT = 260;
const LEFT = 44;
const BOTTOM = 40;
const TOP = 10;
const RIGHT = 14;

const signed = (number) => (number > 0 ? `+${number}` : number < 0 ? `−${-number}` : "0");

/** What more examples are expected to bring, in a sentence: "50 more pictures: about +3 points, 1 to 5". Empty without a forecast. */
export function forecastSentence(curve, forecast, noun) {
  const last = curve.at(-1);
  if (!last || !forecast?.accuracy) return "";
  const gains = forecast.gain ?? Object.fromEntries(Object.entries(forecast.accuracy).map(([name, share]) => [name, share - last.accuracy.value]));
  const [gain, least, most] = [gains.value, gains.low, gains.high].map((share) => Math.round(share * 100));
  const range = least === most ? "" : `, ${signed(least).replace("+", "")} to ${signed(most).replace("+", "")}`;
  return `${count(forecast.examples - last.examples)} more ${noun}: about ${signed(gain)} ${Math.abs(gain) === 1 ? "point" : "points"}${range}.`;
}

/** A round step that divides a range into about `parts`. */
function stepOf(range, parts) {
  const rough = range / parts;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((step) => step >= rough);
}

/** The figure. curve: [{examples, accuracy: {value, low, high}}]; forecast: one more such point, or undefined. noun: "pictures". */
export function learningCurve(curve, forecast, noun) {
  const all = forecast?.accuracy ? [...curve, forecast] : curve;
  const most = Math.max(...all.map(({ examples }) => examples)) * 1.04;
  const floor = Math.max(0, Math.floor(Math.min(...all.map(({ accuracy }) => accuracy.low ?? accuracy.value)) * 10) / 10);
  const x = (examples) => LEFT + (examples / most) * (WIDTH - LEFT - RIGHT);
  const y = (share) => HEIGHT - BOTTOM - ((Math.min(1, share) - floor) / Math.max(0.1, 1 - floor)) * (HEIGHT - BOTTOM - TOP);
  const across = stepOf(most, 5);
  const up = 1 - floor > 0.5 ? 0.2 : 0.1;
  const ticks = (from, to, step) => Array.from({ length: Math.floor((to - from) / step + 1e-9) + 1 }, (_, index) => from + index * step);
  const numbers = [
    { ticks: ticks(0, most, across).map((examples) => [x(examples), count(examples)]), title: `${noun} in training`, grid: false },
    { ticks: ticks(floor, 1, up).map((share) => [y(share), Math.round(share * 100)]), title: "accuracy (%)" },
  ];
  const whisker = ({ examples, accuracy: { low, high } }) =>
    low !== undefined && svg("line", { class: "whisker", x1: x(examples), x2: x(examples), y1: y(low), y2: y(high) });
  const describe = ({ examples, accuracy: { value, low, high } }) =>
    `${count(examples)} ${noun}: ${percent(value)}${low === undefined ? "" : `, ${percent(low)} to ${percent(high)}`}`;
  const dot = (point, kind) => svg("circle", { class: kind, cx: x(point.examples), cy: y(point.accuracy.value), r: 4.5 }, svg("title", {}, describe(point)));
  const place = ({ examples, accuracy }) => `${x(examples)},${y(accuracy.value)}`;
  const spoken = [...curve.map(describe), forecast?.accuracy && `forecast, ${describe(forecast)}`].filter(Boolean).join("; ");
  const content = [
    axes({ left: LEFT, right: WIDTH - RIGHT, top: TOP, bottom: HEIGHT - BOTTOM }, ...numbers),
    forecast?.accuracy && svg("polyline", { class: "ideal", points: [curve.at(-1), forecast].map(place).join(" ") }),
    svg("polyline", { class: "curve", points: curve.map(place).join(" ") }),
    all.map(whisker), curve.map((point) => dot(point, "mark")), forecast?.accuracy && dot(forecast, "mark forecast"),
  ];
  const sentence = forecastSentence(curve, forecast, noun);
  return el("figure", {}, el("figcaption", {}, el("b", {}, "Learning curve"), sentence ? el("span", { class: "forecast" }, sentence) : "Accuracy on held-out data by the size of the training set."), drawing(WIDTH, HEIGHT, `Learning curve: ${spoken}`, content));
}
