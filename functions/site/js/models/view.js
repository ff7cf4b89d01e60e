// The Models view: the trained models with their versions, and the cards of the built-in ones.
import { ApiError, call } from "../api.js";
import { byId, el } from "../dom.js";
import { problemBox } from "../widgets.js";
import { panel } from "./card.js";
import { Trained } from "./trained.js";

/** Fill the section with a panel per model; what is returned loads the cards again if that failed. */
export function start(_, { models }) {
  const list = byId("models-list");
  const trained = new Trained(byId("models-trained"), models);
  let failed = false;
  const load = async () => {
    failed = false;
    list.replaceChildren(el("p", { class: "empty" }, "Loading the model cards…"));
    try {
      const cards = await Promise.all(models.map(({ name }) => call(`/v1/models/${encodeURIComponent(name)}`)));
      list.replaceChildren(...cards.map((card, index) => panel(card, models[index])));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      failed = true;
      list.replaceChildren(problemBox(error, el("button", { type: "button", onclick: load }, "Try again")));
    }
  };
  load();
  return {
    onShow() {
      trained.refresh();
      if (failed) load();
    },
  };
}
