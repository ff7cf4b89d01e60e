// The models that people trained: listed by the service, offered in the views, changed by trainings and promotions.
import { at, call } from "./api.js";

const listeners = new Set();
let entries;

/** The kinds of trained models, by the input of the built-in model whose view they share. */
export const KINDS = { pictures: "pictures", rows: "star" };

/** What a trained model is called in uploads, batches and the drop folder. */
export const addressOf = ({ kind, name }) => (kind === "pictures" ? `custom/${name}` : `custom-star/${name}`);

/** The path that classifies with a trained model, options excluded. */
export const pathOf = ({ kind, name }) =>
  kind === "pictures" ? at`/v1/classify/custom/${name}` : at`/v1/classify/star?model=${name}`;

/** The entries of GET /v1/trained; null where the service does not train, undefined as long as it has not said. */
export const trained = () => entries;

/** The trained models of a kind that have a live version. */
export const liveModels = (kind) => (entries ?? []).filter((entry) => entry.kind === kind && entry.live);

/** Ask for the list, at first and after each change. quiet: without asking the visitor for a key. Throws ApiError. */
export async function refreshTrained({ quiet } = {}) {
  try {
    entries = (await call("/v1/trained", { quiet })).trained;
  } catch (error) {
    if (error.status !== 404) throw error;
    entries = null; // an older service
  }
  for (const listener of listeners) listener();
}

/** Call a function after every change of the list. */
export const onTrained = (listener) => listeners.add(listener);

/** A version as it is shown. */
export const short = (version) => version.slice(0, 12);
