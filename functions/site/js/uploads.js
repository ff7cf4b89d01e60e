// Files into the drop folder: presigned by POST /v1/uploads, sent to S3 directly. Shapes: functions/control/README.md.
import { Refusal, post } from "./api.js";

const TRIES = 3;
const PAUSE_S = 0.7;

/** Ask for a way in for files: [{name, size, upload_id?}]. Returns the answer with its batch and files. */
export const offer = (model, batch, files, signal) =>
  post("/v1/uploads", { model, ...(batch ? { batch } : {}), files }, { signal });

/** One request with progress, which fetch does not tell; resolves to the XMLHttpRequest. */
function send(method, url, body, { onProgress, signal, headers = {} }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onProgress?.(event.loaded);
    request.onload = () => (request.status < 300 ? resolve(request) : reject(storeRefusal(request)));
    request.onerror = () => reject(new Refusal({ status: 0, detail: "the upload broke off" }));
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
    request.onloadend = () => signal?.removeEventListener("abort", stop);
    signal?.addEventListener("abort", stop);
    if (signal?.aborted) reject(new DOMException("stopped", "AbortError"));
    else request.send(body);
  });
}

const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const MESSAGE = /<Message>([^<]{0,2000})<\/Message>/;

/** The sentence of S3's error document. Read as text: trusted types leave DOMParser to nobody. */
export function saidIn(xml) {
  const said = MESSAGE.exec(xml)?.[1];
  return said?.replace(/&(\w+);/g, (whole, name) => ENTITIES[name] ?? whole);
}

function storeRefusal(request) {
  const said = saidIn(request.responseText);
  const status = request.status;
  const title = "The store refused the upload";
  const expired = status === 403;
  const advice = expired ? "The permission may have run out: try again." : "Try again.";
  const refusal = new Refusal({ status: expired ? 400 : status, title, detail: said ?? `status ${status}`, advice });
  return Object.assign(refusal, { expired });
}

async function patiently(task, signal) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await task();
    } catch (error) {
      if (signal?.aborted || !error.passing || tries >= TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_S * 1e3 * 2 ** tries));
    }
  }
}

async function sendForm(file, { url, fields }, options) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file); // S3 ignores what comes after it
  await patiently(() => send("POST", url, form, options), options.signal);
}

/** Parts that have arrived (etag) are not sent again: this is how a broken upload is resumed. */
async function sendParts(file, offered, { onProgress, signal }) {
  const { parts, part_size: size } = offered.parts;
  let before = 0;
  for (const part of parts) {
    if (!part.etag) {
      const start = (part.number - 1) * size;
      const piece = file.slice(start, start + part.size);
      const progress = (loaded) => onProgress?.(before + loaded);
      const sent = await patiently(() => send("PUT", part.url, piece, { onProgress: progress, signal }), signal);
      part.etag = sent.getResponseHeader("ETag");
    }
    before += part.size;
    onProgress?.(before);
  }
  const listed = parts.map((part) => `<Part><PartNumber>${part.number}</PartNumber><ETag>${part.etag}</ETag></Part>`);
  const document = `<CompleteMultipartUpload>${listed.join("")}</CompleteMultipartUpload>`;
  const headers = { "Content-Type": "application/xml" };
  const answer = await patiently(() => send("POST", offered.parts.complete_url, document, { headers, signal }), signal);
  // S3 may answer 200 and still say that it failed (CompleteMultipartUpload, "error after 200 OK").
  if (answer.responseText.includes("<Error>")) throw storeRefusal(answer);
}

/** Send one file by the way that was offered for it. onProgress(bytes). Throws Refusal or AbortError. */
export async function upload(file, offered, options = {}) {
  if (offered.method === "parts") await sendParts(file, offered, options);
  else await sendForm(file, offered.form, options);
}
