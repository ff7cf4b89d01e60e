// Files into the drop folder: presigned by POST /v1/uploads, sent to S3 directly. Shapes: functions/README.md.
import { ApiError, post } from "./api.js";

const TRIES = 3;
const PAUSE_S = 0.7;

/** Ask for a presigned upload for each file of [{name, size, upload_id?}]; returns the answer: its batch and files. */
export const presign = (model, batch, files, signal) => post("/v1/uploads", { model, batch, files }, { signal });

/** One request with upload progress, which fetch does not report; resolves to the XMLHttpRequest. */
function send(method, url, body, { onProgress, signal, headers = {} }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onProgress?.(event.loaded);
    request.onload = () => (request.status < 300 ? resolve(request) : reject(storageError(request)));
    request.onerror = () => reject(new ApiError({ status: 0, detail: "the upload was interrupted" }));
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
    request.onloadend = () => signal?.removeEventListener("abort", stop);
    signal?.addEventListener("abort", stop);
    if (signal?.aborted) reject(new DOMException("stopped", "AbortError"));
    else request.send(body);
  });
}

const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const MESSAGE = /<Message>([^<]{0,2000})<\/Message>/;

/** The message of S3's error document. Read as text: the page's trusted types policy rules out DOMParser. */
const messageIn = (xml) => MESSAGE.exec(xml)?.[1].replace(/&(\w+);/g, (whole, name) => ENTITIES[name] ?? whole);

const EXPIRED_TOKEN = "<Code>ExpiredToken</Code>"; // the signature is in time, its credentials are not

function storageError({ status, responseText }) {
  const expired = status === 403 || (status === 400 && responseText.includes(EXPIRED_TOKEN));
  const error = new ApiError({
    status: expired ? 400 : status,
    title: "The storage rejected the upload",
    detail: messageIn(responseText) ?? `status ${status}`,
    advice: expired ? "The presigned request may have expired; try again." : "Try again.",
  });
  return Object.assign(error, { expired });
}

async function withRetries(task, signal) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await task();
    } catch (error) {
      if (signal?.aborted || !error.retryable || tries >= TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_S * 1e3 * 2 ** tries));
    }
  }
}

async function sendForm(file, { url, fields }, options) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file); // S3 ignores the fields after it
  await withRetries(() => send("POST", url, form, options), options.signal);
}

/** Send the parts without an etag, which are those that have not arrived: a broken upload is resumed this way. */
async function sendParts(file, { parts, part_size: size, complete_url: completeUrl }, { onProgress, signal }) {
  let before = 0;
  for (const part of parts) {
    if (!part.etag) {
      const start = (part.number - 1) * size;
      const piece = file.slice(start, start + part.size);
      const progress = (loaded) => onProgress?.(before + loaded);
      const sent = await withRetries(() => send("PUT", part.url, piece, { onProgress: progress, signal }), signal);
      part.etag = sent.getResponseHeader("ETag");
    }
    before += part.size;
    onProgress?.(before);
  }
  const listed = parts.map((part) => `<Part><PartNumber>${part.number}</PartNumber><ETag>${part.etag}</ETag></Part>`);
  const document = `<CompleteMultipartUpload>${listed.join("")}</CompleteMultipartUpload>`;
  const headers = { "Content-Type": "application/xml" };
  const answer = await withRetries(() => send("POST", completeUrl, document, { headers, signal }), signal);
  // S3 may answer 200 and still report a failure (CompleteMultipartUpload, "error after 200 OK").
  if (answer.responseText.includes("<Error>")) throw storageError(answer);
}

/** Send a file as its presigned upload says. onProgress(bytes). Throws ApiError or AbortError. */
export async function upload(file, presigned, options = {}) {
  if (presigned.method === "parts") await sendParts(file, presigned.parts, options);
  else await sendForm(file, presigned.form, options);
}
