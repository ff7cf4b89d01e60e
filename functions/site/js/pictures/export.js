// The gallery as a table or as the API's own answers.
import { saveCsv, saveJson, stamped, textCell } from "../download.js";

const BEST = ["label", "probability", "second", "second_probability", "third", "third_probability"];
const HEADER = ["file", ...BEST, "prediction_set", "typicality", "in_domain", "model", "version", "warnings", "error"];

function row({ path, answer, error, state }) {
  if (state !== "done") return [textCell(path), ...Array(HEADER.length - 2).fill(""), state === "failed" ? textCell(error.message) : "not classified"];
  const { result, model } = answer;
  const best = [0, 1, 2].flatMap((rank) => [result.predictions[rank]?.label, result.predictions[rank]?.probability]);
  const warnings = (result.warnings ?? []).map(({ code }) => code);
  return [textCell(path), ...best, result.prediction_set.join(";"), result.typicality, result.in_domain, model.name, model.version, warnings.join(";"), ""];
}

/** Save one line per picture, in the order of the gallery. */
export const exportCsv = (name, pictures) => saveCsv(`${stamped(name)}.csv`, [HEADER, ...pictures.map(row)]);

function record({ path, answer, error, state }) {
  if (state === "done") {
    const { explanation: _, ...result } = answer.result;
    return { ...result, id: path, model: answer.model };
  }
  const { title, status, detail } = state === "failed" ? error : { title: "Not classified", status: 0, detail: "" };
  return { id: path, error: { title, status, detail } };
}

/** Save every answer as the API gave it, without the heat maps. */
export const exportJson = (name, pictures) => saveJson(`${stamped(name)}.json`, { results: pictures.map(record) });
