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

const FILES = { pictures: "pictures and archives", rows: "tables" };

/** Fill a select with the addresses of the built-in models and, as they come and go, of the trained ones. */
export function offerModels(select, models) {
  const draw = () => {
    const chosen = select.value;
    const builtIn = models.map(({ name, title, input }) => el("option", { value: name }, `${title}: ${FILES[input] ?? input}`));
    const trained = Object.entries(KINDS).flatMap(([input, kind]) =>
      liveModels(kind).map((entry) => el("option", { value: addressOf(entry) }, `${entry.name}: ${FILES[input]}`)));
    select.replaceChildren(...builtIn, ...(trained.length > 0 ? [el("optgroup", { label: "Your models" }, trained)] : []));
    select.value = [...select.options].some(({ value }) => value === chosen) ? chosen : models[0].name;
  };
  onTrained(draw);
  draw();
}
