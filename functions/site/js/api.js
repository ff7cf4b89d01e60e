// Calls of the API, and its refusals as one kind of error.
import { askForKey, key } from "./key.js";

const JSON_TYPE = "application/json";

const TITLES = {
  0: "No connection",
  401: "An API key is needed",
  403: "An API key is needed",
  404: "Not found",
  413: "Too large",
  415: "This cannot be read",
  429: "The service is busy",
  502: "The service failed",
  503: "The service is unavailable",
  504: "It took too long",
};

const ADVICE = {
  0: "Check the connection, then try again.",
  401: "Enter the key that you were given.",
  403: "Enter the key that you were given, or check it for typing errors.",
  413: "Put it into the drop folder with the Batch view.",
  415: "Save it in one of these formats and drop it again.",
  429: "Wait a moment and try again.",
  500: "Try again; if it fails once more, quote the request number.",
  502: "Try again; if it fails once more, quote the request number.",
  503: "Try again in a moment.",
  504: "Try again; the service may just have started.",
};

/** Why a call failed. status: 0 where no answer came. retryAfter: seconds, where the service named them. */
export class Refusal extends Error {
  constructor({ status = 0, title, detail = "", advice, type = "", errors = [], request_id: requestId, retryAfter }) {
    super(detail || title || TITLES[status]);
    this.status = status;
    this.title = title ?? TITLES[status] ?? `Error ${status}`;
    this.detail = detail;
    this.advice = advice ?? ADVICE[status];
    this.type = type;
    this.fields = errors;
    this.requestId = requestId;
    this.retryAfter = retryAfter;
  }

  /** Whether the same call may pass later. */
  get passing() {
    return [0, 429, 500, 502, 503, 504].includes(this.status);
  }
}

/** A problem document (RFC 9457) as a Refusal. */
export const refusalOf = (problem) => new Refusal(problem);

async function refused(response) {
  const text = await response.text().catch(() => "");
  let problem = {};
  try {
    problem = JSON.parse(text);
  } catch {
    // A proxy's own error page: the status has to do.
  }
  const after = Number(response.headers.get("retry-after"));
  const detail = problem.detail ?? problem.message ?? "";
  return new Refusal({ ...problem, detail, status: response.status, retryAfter: after > 0 ? after : undefined });
}

/** A page of a text, and where the next one is (RFC 8288, Link with rel="next"). */
async function pageOf(response) {
  const next = /<([^>]+)>\s*;\s*rel="?next"?/.exec(response.headers.get("link") ?? "")?.[1];
  return { text: await response.text(), next };
}

async function attempt(path, { method = "GET", body, type, signal, as = "json" } = {}) {
  const headers = { Accept: as === "json" ? JSON_TYPE : "text/csv, application/problem+json" };
  if (type) headers["Content-Type"] = type;
  if (key()) headers["X-Api-Key"] = key();
  let response;
  try {
    response = await fetch(path, { method, body, headers, signal, credentials: "omit" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refusal({ status: 0 });
  }
  if (!response.ok) throw await refused(response);
  try {
    return await (as === "json" ? response.json() : pageOf(response));
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refusal({ status: 0, detail: "the answer broke off" });
  }
}

/** Call the API and return its JSON, or with as: "page" {text, next}. Asks for a key where one is needed. Throws Refusal, or AbortError. */
export async function call(path, options) {
  for (;;) {
    const used = key();
    try {
      return await attempt(path, options);
    } catch (error) {
      if (!(error instanceof Refusal) || ![401, 403].includes(error.status)) throw error;
      // Another call may have been given a key meanwhile.
      const why = used ? "The service did not accept this key. Check it for typing errors." : undefined;
      if (key() === used && !(await askForKey(why))) throw error;
    }
  }
}

/** POST a JSON document. */
export const post = (path, document, options) =>
  call(path, { method: "POST", body: JSON.stringify(document), type: JSON_TYPE, ...options });
