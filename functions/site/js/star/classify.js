// Star rows to their answers.
import { call, post } from "../api.js";
import { csvText } from "../download.js";
import { Queue } from "../queue.js";

const PATH = "/v1/classify/star";
const ROWS_PER_CALL = 1_000;
const AT_ONCE = 2;

/** The most rows of one table here; longer ones belong into the drop folder. */
export const MOST_ROWS = 50_000;

/** One object with its explanation. values: {u, g, r, i, z, redshift?}. */
export async function classifyOne(values, signal) {
  const answer = await post(`${PATH}?explain=true`, values, { signal });
  return { ...answer.results[0], model: answer.model };
}

/** A table in calls of a thousand rows. onPart(first row, results, model) comes for each, in any order. */
export async function classifyTable({ header, rows }, onPart, signal) {
  const queue = new Queue(AT_ONCE);
  const parts = Array.from({ length: Math.ceil(rows.length / ROWS_PER_CALL) }, (_, part) => part * ROWS_PER_CALL);
  await Promise.all(
    parts.map(async (start) => {
      const body = csvText([header, ...rows.slice(start, start + ROWS_PER_CALL)]);
      const answer = await queue.add(() => call(PATH, { method: "POST", body, type: "text/csv", signal }));
      onPart(start, answer.results, answer.model);
    }),
  );
}
