// "Your models": the trained models beside the built-in one, where a view classifies.
import { el } from "./dom.js";
import { KINDS, addressOf, liveModels, onTrained, pathOf } from "./trained.js";

/** A trained model as the entry of a built-in one of the same input. entry: of GET /v1/trained; model: of GET /v1/models. */
export const asEntry = (entry, model) => ({
  ...model,
  name: entry.name,
  title: entry.name,
  version: entry.live,
  labels: entry.labels,
  label_sets: [],
  samples: [],
  path: pathOf(entry),
  address: addressOf(entry),
});

/** A control to choose among a built-in model and the trained ones of its input, hidden while there are none. onChange(entry): undefined for the built-in one. */
export function modelChoice(model, input, onChange) {
  const select = el("select", {});
  const element = el("label", { hidden: true }, "Model", select);
  let wanted = ""; // named in the address before the list had it
  const find = () => liveModels(KINDS[input]).find(({ name }) => name === select.value);
  const draw = () => {
    const models = liveModels(KINDS[input]);
    const current = wanted || select.value;
    element.hidden = models.length === 0;
    select.replaceChildren(
      el("option", { value: "" }, `${model.title} (built in)`),
      el("optgroup", { label: "Your models" }, models.map(({ name }) => el("option", { value: name }, name))));
    select.value = models.some(({ name }) => name === current) ? current : "";
    if (wanted && select.value === wanted) wanted = "";
    onChange(find());
  };
  select.addEventListener("change", () => onChange(find()));
  onTrained(draw);
  draw();
  return {
    element,
    choose(name) {
      wanted = name;
      draw();
    },
  };
}
