// One picture to its answer: in the request's body if it fits, else through the drop folder.
import { ApiError, call, post, withOptions } from "../api.js";
import { bytes } from "../format.js";
import { presign, upload } from "../uploads.js";

// 6 MiB of a Lambda payload, which holds the picture as base64, less room for the rest of the event.
const MAX_BODY_BYTES = ((6 * 1024 - 64) * 1024 * 3) / 4;
const TOP_K = 3;
// One batch per tab for the pictures that are too large for a request.
const BATCH = `page-${crypto.randomUUID().slice(0, 13)}`;

/** Why a file need not be sent at all, as an ApiError; undefined if it may be a picture. models: every model that there is. */
export function refusal({ file, path }, model, models) {
  const name = path.toLowerCase();
  const isAmong = (suffixes) => suffixes.some((suffix) => name.endsWith(suffix));
  if (!isAmong(model.accepts)) {
    if (isAmong(model.archives)) {
      const advice = "Upload it in the Batch view, with up to 10,000 pictures in it.";
      return new ApiError({ status: 415, title: "This is an archive", advice, type: "archive" });
    }
    const other = models.find(({ input, accepts }) => input === "rows" && isAmong(accepts));
    if (other) return new ApiError({ status: 415, title: "This is a table", advice: `Open it in the ${other.title} view.` });
  }
  if (file.size === 0) return new ApiError({ status: 400, title: "This file is empty", advice: "Drop another copy of it." });
  if (file.size > model.max_file_bytes) {
    const detail = `${bytes(file.size)}; the limit for a picture is ${bytes(model.max_file_bytes)}`;
    return new ApiError({ status: 413, title: "Too large", detail, advice: "Reduce its size and drop it again." });
  }
  return undefined;
}

/** The model of a path, as an upload names it. */
const modelIn = (path) => decodeURIComponent(path.replace("/v1/classify/", ""));

async function throughDropFolder(picture, path, { signal, onProgress }) {
  if (!picture.key) {
    // A number in front: two pictures of the same name from two folders are two files.
    const name = `${picture.number}-${picture.file.name}`;
    const { files } = await presign(modelIn(path), BATCH, [{ name, size: picture.file.size }], signal);
    await upload(picture.file, files[0], { signal, onProgress });
    picture.key = files[0].key;
  }
  return picture.key;
}

/** Options as the API takes them in a query, empty ones too. labels: a comma-separated list, "" for all; prior: class shares. */
export const queryOf = ({ labels, explain, prior, topK = TOP_K }) => ({ top_k: topK, labels, explain, prior });

/**
 * Classify a picture by the call of a path, /v1/classify/MODEL, with options as in queryOf. Returns
 * {model, result, time}, time in milliseconds. Throws ApiError or AbortError.
 */
export async function classify(picture, path, given, { signal, onProgress }) {
  const options = queryOf(given);
  let answer;
  if (picture.file.size > MAX_BODY_BYTES) {
    const key = await throughDropFolder(picture, path, { signal, onProgress });
    answer = await post(withOptions(path, options), { instances: [{ s3_key: key }] }, { signal });
  } else {
    // The content decides what a picture is, not the media type that the system gives it.
    const body = { method: "POST", body: picture.file, type: "application/octet-stream", signal };
    answer = await call(withOptions(path, options), body);
  }
  const [result] = answer.results;
  if (result.error) throw new ApiError(result.error);
  return { model: answer.model, result, time: answer.timing_ms.total };
}
