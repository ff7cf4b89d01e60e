// The Models view: the trained models with their versions, and the cards of the built-in ones.
import { at, call } from "../api.js";
import { byId, put } from "../dom.js";
import { load } from "../widgets.js";
import { panel } from "./card.js";
import { Trained } from "./trained.js";

/** Fill the section with a panel per model, when it is shown. */
export function start(_, { models }) {
  const list = byId("models-list");
  const trained = new Trained(byId("models-trained"), models);
  return {
    onShow() {
      trained.refresh();
      if (list.querySelector(".model")) return;
      load(list, "Loading the model cards…", () => Promise.all(models.map(({ name }) => call(at`/v1/models/${name}`))), (cards) => {
        put(list, cards.map((card, index) => panel(card, models[index])));
      });
    },
  };
}
