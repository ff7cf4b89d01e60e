// One picture to its answer: over HTTP where it fits, else by way of the drop folder.
import { Refusal, call, post, refusalOf } from "../api.js";
import { bytes } from "../format.js";
import { offer, upload } from "../uploads.js";

// 6 MiB of a Lambda payload, which holds the picture as base64, less room for the rest of the event.
const LARGEST_BODY = ((6 * 1024 - 64) * 1024 * 3) / 4;
const LARGEST_FILE = 64 * 1024 * 1024; // skysort.limits.IMAGE_BYTES
const ARCHIVE = /\.(zip|tar|tgz|tar\.gz)$/i;
const TABLE = /\.(csv|tsv|ecsv|tbl|parquet|vot)$/i;
// One folder a tab for pictures that are too large to be sent.
const BATCH = `page-${crypto.randomUUID().slice(0, 13)}`;

/** Why a file need not be sent at all; undefined for one that may be a picture. */
export function refusedAtOnce({ file, path }) {
  if (ARCHIVE.test(path)) {
    const advice = "The Batch view takes it, with up to 10,000 pictures in it.";
    return new Refusal({ status: 415, title: "This is an archive", advice, type: "archive" });
  }
  if (TABLE.test(path)) {
    return new Refusal({ status: 415, title: "This is a table", advice: "The Star view takes it.", type: "table" });
  }
  if (file.size === 0) return new Refusal({ status: 400, title: "This file is empty", advice: "Drop another copy of it." });
  if (file.size > LARGEST_FILE) {
    const detail = `${bytes(file.size)}, and a picture may have ${bytes(LARGEST_FILE)}`;
    return new Refusal({ status: 413, title: "Too large", detail, advice: "Save it smaller and drop it again." });
  }
  return undefined;
}

function query({ labels, explain }) {
  const options = new URLSearchParams({ top_k: "3" });
  if (labels) options.set("labels", labels);
  if (explain) options.set("explain", "true");
  return options;
}

async function byDropFolder(picture, model, options, { signal, onProgress }) {
  if (!picture.key) {
    // A number in front: two pictures of one name from two folders are two files.
    const name = `${picture.number}-${picture.file.name}`;
    const { files } = await offer(model, BATCH, [{ name, size: picture.file.size }], signal);
    await upload(picture.file, files[0], { signal, onProgress });
    picture.key = files[0].key;
  }
  const chosen = Object.fromEntries(query(options));
  const asked = { instances: [{ s3_key: picture.key }], top_k: 3, ...(chosen.labels ? { labels: chosen.labels } : {}) };
  return post(`/v1/classify/${model}`, { ...asked, ...(options.explain ? { explain: true } : {}) }, { signal });
}

/**
 * Classify a picture. options: {labels, explain}. Returns {model, result, time}, time in milliseconds.
 * Throws Refusal, or AbortError.
 */
export async function classify(picture, model, options, { signal, onProgress }) {
  const path = `/v1/classify/${model}?${query(options)}`;
  // The content decides what a picture is, not what the system calls it.
  const sent = { method: "POST", body: picture.file, type: "application/octet-stream", signal };
  const large = picture.file.size > LARGEST_BODY;
  const answer = large ? await byDropFolder(picture, model, options, { signal, onProgress }) : await call(path, sent);
  const [result] = answer.results;
  if (result.error) throw refusalOf(result.error);
  return { model: answer.model, result, time: answer.timing_ms.total };
}
