// The answer for one object: class, probabilities, set, what spoke for it, and where it lies.
import { bars } from "../bars.js";
import { el } from "../dom.js";
import { percent, setInWords } from "../format.js";
import { problemBox, warningList } from "../notice.js";
import { classOf, diagram } from "./diagram.js";
import { shapFigure } from "./shap.js";

const NAMES = { GALAXY: "A galaxy", QSO: "A quasar", STAR: "A star" };
const VARIANTS = {
  with_redshift: "Judged with the redshift, which is close to the answer itself.",
  photometry_only: "Judged by brightness and colour alone: no redshift was given.",
};

/** What the panel shows before the first object. */
export const emptyAnswer = () => el("p", { class: "empty" }, "The answer comes here: class, probabilities, what spoke for it, and where the object lies among 80,000 others.");

/** Fill the panel. result: as the API answers it, with explanation. values: {u, g, r, ...}. */
export async function showAnswer(panel, result, values) {
  const [best] = result.predictions;
  const [sure, what] = setInWords(result.prediction_set);
  const head = el(
    "div",
    { class: "star-head" },
    el("div", {},
      el("p", { class: `verdict ${classOf(best.label)}` }, el("span", { class: "tag" }, NAMES[best.label]), el("span", { class: "chance" }, percent(best.probability))),
      el("p", { class: "set" }, sure, el("b", {}, what)),
      el("p", { class: "hint" }, VARIANTS[result.variant]),
      warningList(result.warnings),
    ),
    bars(result.predictions, classOf),
  );
  const figures = el("div", { class: "figures" });
  const name = result.id && result.id !== "0" ? el("h2", {}, result.id) : el("h2", { class: "unseen" }, "Answer");
  panel.replaceChildren(name, head, figures);
  if (result.explanation) figures.append(shapFigure(result.explanation, best.label));
  try {
    figures.append(await diagram([{ values, label: best.label }]));
  } catch {
    figures.append(problemBox({ title: "The diagram did not load", advice: "Check the connection, then classify again." }));
  }
}
