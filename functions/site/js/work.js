// What the service works on for a visitor, in a panel: its files are uploaded, then its document is followed to the end.
import { ApiError, call } from "./api.js";
import { uploads } from "./batch/panels.js";
import { Uploader } from "./batch/uploader.js";
import { button, el, put } from "./dom.js";
import { follow } from "./following.js";
import { plural } from "./format.js";
import { announce } from "./widgets.js";

/** A training, or a bulk job. A kind of work has pathOf(id), isOver(state), titleOf(state), signOfLife(state) and content(): the panel's elements. */
export class Work {
  /** onState(state): every state of it that the service reports; onFail(error): what it refused. */
  constructor(panel, onState, onFail) {
    Object.assign(this, { panel, onState, onFail, stopping: new AbortController() });
  }

  /** Forget what is shown. */
  reset() {
    this.stopping.abort();
    this.uploader?.stop();
    Object.assign(this, { stopping: new AbortController(), uploader: null, state: null, error: null, again: null, announced: "" });
    put(this.panel);
    this.panel.hidden = true;
  }

  show() {
    this.panel.hidden = false;
    this.panel.scrollIntoView({ block: "nearest" });
  }

  /** Follow what has started earlier. */
  async watch(id) {
    this.reset();
    this.panel.hidden = false;
    await this.#follow(id, this.stopping.signal);
  }

  /** Upload files [{file, path}] to a batch; resolves to their entries when all are sent, or the visitor goes on without those that failed. sent: those that are uploaded already. */
  upload(model, batch, files, sent = new Map()) {
    announce(`Uploading ${plural(files.length, "file")}`);
    return new Promise((resolve) => {
      this.goOn = () => {
        resolve(this.uploader.entries);
        this.uploader = null;
      };
      this.uploader = new Uploader(model, batch, () => {
        if (this.uploader?.entries.every(({ state }) => state === "sent")) this.goOn();
        this.draw();
      });
      this.uploader.add(files, sent);
    });
  }

  /** Make a call that answers with the state, then follow it. */
  async act(request) {
    const { signal } = this.stopping;
    this.error = null;
    this.draw();
    try {
      const state = await request(signal);
      this.#take(state);
      await this.#follow(state.id, signal);
    } catch (error) {
      if (!signal.aborted) this.fail(error, () => this.act(request));
    }
  }

  #follow(id, signal) {
    return follow(() => call(this.pathOf(id), { signal }), {
      signal,
      isOver: (state) => this.isOver(state),
      signOfLife: (state) => this.signOfLife(state),
      take: (state) => {
        this.error = null;
        this.#take(state);
      },
      fail: (error) => this.fail(error, () => this.#follow(id, signal)),
    });
  }

  #take(state) {
    this.state = state;
    const title = this.titleOf(state);
    if (title !== this.announced) announce(title);
    this.announced = title;
    this.draw();
    this.onState(state);
  }

  /** Show a call that failed. again(): make it again. */
  fail(error, again) {
    if (!(error instanceof ApiError)) throw error;
    this.onFail?.(error);
    const retry = () => {
      this.error = null;
      this.draw();
      again();
    };
    Object.assign(this, { error, again: retry });
    this.draw();
  }

  /** Draw in the next frame; the focus stays where it is, as far as there is such an element still. */
  draw() {
    if (this.isDrawn) return;
    this.isDrawn = true;
    requestAnimationFrame(() => {
      this.isDrawn = false;
      const focused = this.panel.contains(document.activeElement) ? document.activeElement.textContent : null;
      put(this.panel, this.uploader ? this.#uploading() : this.content());
      if (focused) ([...this.panel.querySelectorAll("button, summary")].find(({ textContent }) => textContent === focused) ?? this.panel.querySelector("h2"))?.focus();
    });
  }

  #uploading() {
    const { entries, totals, isSettled } = this.uploader;
    const actions = { stop: () => this.uploader.stop(), retry: () => this.uploader.retry() };
    return [
      el("h2", { tabIndex: -1 }, "Uploading"), uploads(this.uploader, actions),
      isSettled && totals.failed > 0 && totals.done > 0 && button(`Go on with ${plural(entries.length - totals.failed, "file")}`, this.goOn),
    ];
  }
}
