// The gallery as a table or as the API's own answers.
import { saveCsv, saveJson, stamped, textCell } from "../download.js";

const HEADER = ["file", "label", "probability", "second", "second_probability", "third", "third_probability"];
const TAIL = ["prediction_set", "model", "version", "warnings", "error"];

function row({ path, answer, error, state }) {
  const file = textCell(path);
  if (state !== "done") return [file, "", "", "", "", "", "", "", "", "", "", state === "failed" ? textCell(error.message) : "not classified"];
  const { result, model } = answer;
  const best = Array.from({ length: 3 }, (_, place) => result.predictions[place]);
  const cells = best.flatMap((prediction) => [prediction?.label, prediction?.probability]);
  return [file, ...cells, result.prediction_set.join(";"), model.name, model.version, (result.warnings ?? []).map(({ code }) => code).join(";"), ""];
}

/** Save one line a picture, in the order of the gallery. */
export const exportCsv = (name, pictures) => saveCsv(`${stamped(name)}.csv`, [[...HEADER, ...TAIL], ...pictures.map(row)]);

function record({ path, answer, error, state }) {
  if (state === "done") {
    const { explanation: _, ...result } = answer.result;
    return { ...result, id: path, model: answer.model };
  }
  if (state === "failed") return { id: path, error: { title: error.title, status: error.status, detail: error.detail } };
  return { id: path, error: { title: "Not classified", status: 0, detail: "" } };
}

/** Save every answer as the API gave it, less the heat maps. */
export const exportJson = (name, pictures) => saveJson(`${stamped(name)}.json`, { results: pictures.map(record) });
