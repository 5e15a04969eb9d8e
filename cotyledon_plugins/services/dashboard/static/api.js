// What is asked of the dashboard's server.

/** The server answered that it does not do that; or it did not answer, with the code `lost`. */
export class Refused extends Error {
    constructor(code, text) {
        super(text);
        this.code = code;
    }
}

const PATIENCE = 15_000;

async function ask(path, options) {
    const signal = AbortSignal.timeout(PATIENCE);
    let response;
    try {
        response = await fetch(path, { credentials: "same-origin", signal, ...options });
    } catch {
        throw new Refused("lost", "the dashboard does not answer");
    }
    const body = response.status === 204 ? {} : await response.json().catch(() => ({}));
    if (response.ok) return body;
    const { code = String(response.status), text = response.statusText } = body.error ?? {};
    // The session is over: begin again, with the form to sign in.
    if (code === "sign_in") location.reload();
    throw new Refused(code, text);
}

export function get(path, query = {}) {
    const given = Object.entries(query).filter(([, value]) => value != null && value !== "");
    const search = new URLSearchParams(given).toString();
    return ask(search ? `${path}?${search}` : path);
}

export function post(path, body = {}) {
    const headers = { "Content-Type": "application/json", "X-Cotyledon": "1" };
    return ask(path, { method: "POST", headers, body: JSON.stringify(body) });
}

export function act(action, body) {
    return post(`/api/actions/${action}`, body);
}

const SHORT_PAUSE = 200;
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 10_000;

/**
 * The server's stream of what happens; connects again by itself, which is not left to the browser:
 * that gives up for good at any answer but 200.
 *
 * `handlers`: `open` when it is connected, `broken` when it is not and cannot be at once,
 * `mayReturn`, which is asked before each new attempt, and one for each kind of message.
 */
export class Stream {
    #source = null;
    #pause = SHORT_PAUSE;
    #attempt = 0;

    constructor(path, { open, broken, mayReturn, ...kinds }) {
        Object.assign(this, { path, open, broken, mayReturn, kinds });
    }

    start() {
        const source = new EventSource(this.path);
        this.#source = source;
        source.onopen = () => {
            this.#pause = SHORT_PAUSE;
            this.open();
        };
        source.onerror = () => this.restart();
        for (const [kind, handle] of Object.entries(this.kinds)) {
            source.addEventListener(kind, (event) => handle(JSON.parse(event.data)));
        }
    }

    restart() {
        this.#source.close();
        if (this.#pause > SHORT_PAUSE) this.broken();
        this.#attempt += 1;
        const attempt = this.#attempt;
        setTimeout(async () => {
            const may = await this.mayReturn();
            if (attempt !== this.#attempt) return;
            if (may) this.start();
            else this.restart();
        }, this.#pause);
        this.#pause = Math.min(Math.max(this.#pause * 2, FIRST_PAUSE), LONGEST_PAUSE);
    }
}
