// The console of the API's page: each call can be sent from a form, made from openapi.json when it is first opened.

const BASE = new URL(".", location.href);
const KEY_NAME = "skysort-api-key"; // as the page's own
const FORM = "multipart/form-data";
const JSON_TYPE = "application/json";
const AS_FILE = "file"; // the body is a file, and says of which type it is
const MOST_SHOWN = 100_000;

let contract = null;

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const labelled = (text, field, hint) => element("label", {}, `${text} `, field, ...(hint ? [element("small", { textContent: hint })] : []));

function recalledKey() {
  try {
    return sessionStorage.getItem(KEY_NAME) ?? "";
  } catch {
    return ""; // storage is blocked
  }
}

function keepKey(value) {
  try {
    if (value) sessionStorage.setItem(KEY_NAME, value);
    else sessionStorage.removeItem(KEY_NAME);
  } catch {
    // Storage is blocked: the field keeps it.
  }
}

const keyField = element("input", { type: "password", autocomplete: "off", spellcheck: false, value: recalledKey() });
keyField.addEventListener("input", () => keepKey(keyField.value.trim()));

async function read() {
  contract ??= fetch(new URL("openapi.json", BASE)).then((answer) => {
    if (!answer.ok) throw new Error(`openapi.json: status ${answer.status}`);
    return answer.json();
  });
  try {
    return await contract;
  } catch (error) {
    contract = null; // the next click tries again
    throw error;
  }
}

/** A field for a parameter: a choice where its values are listed. */
function fieldFor({ schema, required }, given = "") {
  const listed = schema.type === "boolean" ? ["true", "false"] : schema.enum;
  if (!listed) {
    const number = schema.type === "integer";
    const field = element("input", { type: number ? "number" : "text", value: given, required: Boolean(required) });
    if (number) Object.assign(field, { min: schema.minimum ?? "", max: schema.maximum ?? "" });
    return field;
  }
  const options = required ? listed : ["", ...listed];
  return element("select", {}, ...options.map((value) => element("option", { value, textContent: value || "(not sent)" })));
}

/** The bodies that a call takes, each once: every picture type is "a file". */
function bodiesOf(call) {
  const content = call.requestBody?.content ?? {};
  const types = Object.keys(content);
  const named = types.filter((type) => [FORM, JSON_TYPE, "text/csv"].includes(type));
  const file = types.includes("application/octet-stream") ? [AS_FILE] : [];
  return [...named, ...file].map((type) => ({ type, examples: Object.values(content[type]?.examples ?? {}) }));
}

function bodyField({ type, examples }) {
  if (type === FORM) return element("input", { type: "file", multiple: true, required: true });
  if (type === AS_FILE) return element("input", { type: "file", required: true });
  const example = examples[0]?.value ?? "";
  const text = typeof example === "string" ? example : JSON.stringify(example, null, 1);
  return element("textarea", { value: text, rows: Math.min(text.split("\n").length + 1, 14), spellcheck: false, required: true });
}

const typeName = (type) => (type === AS_FILE ? "a file as the body" : type === FORM ? `${type}: files` : type);

/** What the form says, as snippets.js takes it, and what fetch takes. */
function callOf(parts) {
  const { method, path, fields, body } = parts;
  const query = {};
  let address = path;
  for (const { name, within, field } of fields) {
    if (within === "path") address = address.replace(`{${name}}`, encodeURIComponent(field.value));
    else if (field.value !== "") query[name] = field.value;
  }
  const call = { method, url: new URL(address.slice(1), BASE).href, query, keyed: Boolean(keyField.value.trim()), body: null };
  if (!body) return { call, payload: undefined };
  const { type, field } = body();
  const files = [...(field.files ?? [])];
  if (type === FORM) {
    call.body = { files: files.length ? files.map((file) => file.name) : ["picture.jpg"] };
    const form = new FormData();
    for (const file of files) form.append("file", file);
    return { call, payload: form };
  }
  if (type === AS_FILE) {
    call.type = files[0]?.type || "application/octet-stream";
    call.body = { file: files[0]?.name ?? "picture.jpg" };
    return { call, payload: files[0] };
  }
  call.type = type;
  call.body = { text: field.value };
  if (type === JSON_TYPE) {
    try {
      call.body = { value: JSON.parse(field.value) };
    } catch {
      // Sent as it is: the service says what is wrong.
    }
  }
  return { call, payload: field.value };
}

function shown(text, type) {
  let whole = text;
  if (type.includes("json")) {
    try {
      whole = JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      // Shown as it came.
    }
  }
  const rest = whole.length - MOST_SHOWN;
  return rest > 0 ? `${whole.slice(0, MOST_SHOWN)}\n... ${rest} more characters` : whole;
}

async function send(parts, output) {
  const { call, payload } = callOf(parts);
  const headers = {};
  if (call.keyed) headers["x-api-key"] = keyField.value.trim();
  if (call.type) headers["Content-Type"] = call.type;
  const search = new URLSearchParams(call.query).toString();
  const started = performance.now();
  output.replaceChildren(element("p", { textContent: "Waiting for the answer ..." }));
  try {
    const answer = await fetch(search ? `${call.url}?${search}` : call.url, { method: call.method, headers, body: payload });
    const text = await answer.text();
    const took = Math.round(performance.now() - started);
    const retry = answer.headers.get("Retry-After");
    const line = `Status ${answer.status}, ${took} ms${retry ? `, retry after ${retry} s` : ""}`;
    const block = element("pre", { tabIndex: 0, textContent: shown(text, answer.headers.get("Content-Type") ?? "") });
    output.replaceChildren(element("p", { className: answer.ok ? "good" : "bad", textContent: line }), ...(text ? [block] : []));
    if ([401, 403].includes(answer.status) && !call.keyed) keyField.focus();
  } catch (error) {
    const why = `No answer: ${error.message}. Is the service running, and is the file still there?`;
    output.replaceChildren(element("p", { className: "bad", textContent: why }));
  }
}

function copyButton(text) {
  const button = element("button", { type: "button", textContent: "Copy" });
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select the text to copy it";
    }
    setTimeout(() => (button.textContent = "Copy"), 2_000);
  });
  return button;
}

/** The code beside a form: renewed as it is filled in. */
function codeOf(parts) {
  const block = element("pre", { tabIndex: 0 });
  const languages = Object.keys(snippets(callOf(parts).call));
  const language = element("select", {}, ...languages.map((name) => element("option", { textContent: name })));
  const renew = () => (block.textContent = snippets(callOf(parts).call)[language.value]);
  language.addEventListener("change", renew);
  renew();
  return { renew, code: element("div", { className: "code" }, labelled("The same as", language), copyButton(() => block.textContent), block) };
}

function formOf(call, method, path) {
  const given = { batch: "night-1", name: path.includes("/models/{name}") && method === "GET" ? "star" : "" };
  const fields = (call.parameters ?? []).map((parameter) => {
    const initial = parameter.in === "path" ? (given[parameter.name] ?? "") : "";
    return { name: parameter.name, within: parameter.in, field: fieldFor(parameter, initial), hint: parameter.description };
  });
  const form = element("form", { className: "try" });
  form.append(...fields.map(({ name, within, field, hint }) => labelled(within === "path" ? `${name} (in the path)` : name, field, hint)));
  const bodies = bodiesOf(call);
  let body = null;
  if (bodies.length) {
    const made = bodies.map(bodyField);
    const type = element("select", {}, ...bodies.map(({ type: name }, value) => element("option", { value, textContent: typeName(name) })));
    const place = labelled("Content", made[0]);
    type.addEventListener("change", () => place.replaceChildren("Content ", made[type.value]));
    form.append(labelled("Body", type), place);
    body = () => ({ type: bodies[type.value].type, field: made[type.value] });
  }
  const parts = { method, path, fields, body };
  const output = element("div", { className: "answer" });
  output.setAttribute("aria-live", "polite");
  const { renew, code } = codeOf(parts);
  form.append(element("button", { type: "submit", textContent: "Send" }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(parts, output);
  });
  for (const changed of ["input", "change"]) {
    form.addEventListener(changed, renew);
    keyField.addEventListener(changed, renew);
  }
  return [form, code, output];
}

for (const section of document.querySelectorAll("section[data-path]")) {
  const { method, path } = section.dataset;
  const curl = section.querySelector("pre.curl");
  curl.textContent = curl.textContent.replace(/http:\/\/[^/]+\//, BASE.href);
  const place = element("div");
  const open = element("button", { type: "button", textContent: "Try it" });
  open.setAttribute("aria-expanded", "false");
  open.addEventListener("click", async () => {
    if (open.getAttribute("aria-expanded") === "true") {
      open.setAttribute("aria-expanded", "false");
      place.hidden = true;
      return;
    }
    open.setAttribute("aria-expanded", "true");
    place.hidden = false;
    if (place.childElementCount) return;
    try {
      const { paths } = await read();
      place.replaceChildren(...formOf(paths[path][method.toLowerCase()], method, path));
    } catch (error) {
      open.setAttribute("aria-expanded", "false");
      place.textContent = `The form cannot be made (${error.message}). Is the service running?`;
    }
  });
  curl.after(copyButton(() => curl.textContent), " ", open, place);
}
document.querySelector("nav").before(
  element("p", { className: "key" }, labelled("API key, where the stage asks for one; kept in this tab only:", keyField)),
);
