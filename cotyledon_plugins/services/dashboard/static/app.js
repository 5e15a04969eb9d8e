// The page: who looks, what has come, and when it is shown.

import { Refused, Stream, get, post } from "./api.js";
import { managerActions, rowActions } from "./actions.js";
import { button, byId, element, setText, tell } from "./dom.js";
import { Ends } from "./ends.js";
import { Events } from "./events.js";
import { ago, bytes, count, duration, list, percent, uptime } from "./format.js";
import { Plots } from "./plots.js";
import { ServiceTable, showBadge } from "./table.js";

const TICK = 1000;
const REMEMBERED = 1000;
const KNOWN = 5000;
/** Without a word for so long, the server is taken for lost. */
const SILENCE = 5;
const NO_ANSWER = "The dashboard does not answer";
const FULL = "As many browsers look at this dashboard as it serves at a time";
const NO_TOKEN =
    "You may look, but not act: actions need a token. Set token or token_file of this service.";
const READ_ONLY =
    "You may look, but not act: the manager's control socket lets the dashboard's user only look.";

function complain(error) {
    const text = error instanceof Refused ? `Not all can be shown: ${error.message}` : `${error}`;
    tell(byId("error"), text);
}

/** The top of the page. */
class Header {
    constructor(mayLeave) {
        this.wanted = element("span");
        this.stage = element("span");
        this.reload = element("span");
        byId("badges").append(this.wanted, this.stage, this.reload);
        const shut = () => managerActions.shutdown(this.name);
        byId("manager-actions").append(
            button("Reload…", managerActions.reload, { class: "act" }),
            button("Log level…", managerActions.logLevel, { class: "act" }),
            button("Shut down…", shut, { class: "act danger" }),
        );
        if (mayLeave) byId("manager-actions").append(button("Sign out", leave));
    }

    show({ manager, services, as_wanted: asWanted }, { now, passed }) {
        this.name = manager.name;
        setText(byId("name"), manager.name);
        document.title = `${asWanted ? "✓" : "!"} ${manager.name}`;
        const use = `CPU ${percent(manager.cpu)} · ${bytes(manager.memory)}`;
        const lives = `up ${uptime(manager.uptime + passed)}`;
        setText(byId("facts"), `process ${manager.pid} · ${lives} · ${use}`);
        const missing = services.filter((service) => !service.as_wanted).map(({ name }) => name);
        const few = missing.length > 3 ? count(missing.length, "service") : list(missing);
        if (asWanted) showBadge(this.wanted, "as wanted", "✓", "good");
        else showBadge(this.wanted, `not as wanted${few && `: ${few}`}`, "!", "warn");
        const why = manager.stop_reason ? `: ${manager.stop_reason}` : "";
        const look = manager.stage === "ready" ? ["✓", "good"] : ["…", "busy"];
        showBadge(this.stage, `manager ${manager.stage}${why}`, ...look);
        this.#showReload(manager, now);
    }

    #showReload({ reloading, last_reload: last }, now) {
        this.reload.hidden = !reloading && !last;
        if (reloading) {
            showBadge(this.reload, "reloading", "…", "busy");
        } else if (last) {
            const good = last.result === "succeeded";
            const why = last.text && !good ? `: ${last.text}` : `, took ${duration(last.duration)}`;
            const text = `reload ${last.result} ${ago(now - last.at)}${why}`;
            showBadge(this.reload, text, ...(good ? ["✓", "still"] : ["✕", "bad"]));
        }
    }
}

/** What has come from the server, and the parts of the page that show it. */
class Dashboard {
    #snapshot = null;
    #heard = 0;
    #waiting = false;
    #lost = "";
    #broken = NO_ANSWER;
    #known = new Set();
    /** Entries that come while the former ones are asked for. */
    #early = null;

    constructor({ token, may_act: mayAct }) {
        this.whyNot = token ? READ_ONLY : NO_TOKEN;
        this.#offer(mayAct);
        this.header = new Header(token);
        this.table = new ServiceTable(rowActions);
        this.plots = new Plots();
        this.ends = new Ends();
        this.events = new Events();
        this.stream = new Stream("/api/stream", {
            open: () => this.#remember(),
            broken: () => this.#lose(this.#broken),
            mayReturn: () => this.#mayReturn(),
            status: (snapshot) => this.#take(snapshot),
            entry: (entry) => this.#note(entry),
            lost: ({ text }) => this.#lose(`The manager does not answer: ${text}`),
        });
    }

    start() {
        byId("dashboard").hidden = false;
        this.stream.start();
        setInterval(() => this.#tick(), TICK);
        addEventListener("resize", () => this.#draw());
    }

    /** What was before the stream began; in the meantime it may have told some of that. */
    async #remember() {
        this.#early ??= [];
        let entries = [];
        try {
            const former = get("/api/events", { limit: REMEMBERED });
            const history = await get("/api/history");
            this.plots.remember(history);
            this.interval = history.interval;
            ({ entries } = await former);
            tell(byId("error"), "");
        } catch (error) {
            complain(error);
        }
        const early = this.#early ?? [];
        this.#early = null;
        for (const entry of [...entries, ...early]) this.#note(entry);
    }

    #take(snapshot) {
        this.#snapshot = snapshot;
        this.#heard = performance.now();
        this.plots.add(snapshot);
        this.#lose("");
        this.#draw();
    }

    #note(entry) {
        if (this.#early) {
            this.#early.push(entry);
            return;
        }
        // Another manager numbers its entries anew.
        entry.key = `${entry.number} ${entry.wall_time} ${entry.text}`;
        if (this.#known.has(entry.key)) return;
        this.#known.add(entry.key);
        if (this.#known.size > KNOWN) this.#known.delete(this.#known.values().next().value);
        this.ends.add(entry);
        this.events.add(entry);
        this.#draw();
    }

    #lose(text) {
        this.#lost = text;
        byId("dashboard").classList.toggle("stale", Boolean(text));
        const since = this.#snapshot ? "; what is below was so before" : "";
        tell(byId("lost"), text ? `${text}${since}. Trying again.` : "");
    }

    /** A stream that is refused says no reason. */
    async #mayReturn() {
        this.#broken = NO_ANSWER;
        try {
            const session = await get("/api/session");
            if (session.token && !session.signed_in) location.reload();
            if (session.full) this.#broken = FULL;
            return !session.full;
        } catch {
            return false;
        }
    }

    #tick() {
        const silent = (performance.now() - this.#heard) / 1000;
        if (this.#snapshot && !this.#lost && silent > SILENCE + 3 * (this.interval ?? 1)) {
            this.#lose(NO_ANSWER);
            this.stream.restart();
        }
        if (!this.#lost) this.#draw();
    }

    /** At most once a frame. */
    #draw() {
        if (this.#waiting || !this.#snapshot) return;
        this.#waiting = true;
        requestAnimationFrame(() => {
            this.#waiting = false;
            this.#show();
        });
    }

    #show() {
        const snapshot = this.#snapshot;
        const passed = this.#lost ? 0 : (performance.now() - this.#heard) / 1000;
        const time = { now: snapshot.at + passed, passed };
        this.#offer(snapshot.may_act);
        this.header.show(snapshot, time);
        this.table.show(snapshot.services, time);
        this.ends.show(time.now);
        this.events.show(snapshot.services);
        this.plots.draw();
    }

    /** What one may do can change while the page is shown. */
    #offer(mayAct) {
        document.body.classList.toggle("look-only", !mayAct);
        tell(byId("look-only"), mayAct ? "" : this.whyNot);
    }
}

async function leave() {
    await post("/api/sign-out").catch(complain);
    location.reload();
}

function askForToken() {
    byId("sign-in").hidden = false;
    byId("token").focus();
    byId("sign-in-form").addEventListener("submit", async (event) => {
        event.preventDefault();
        tell(byId("sign-in-error"), "");
        try {
            await post("/api/sign-in", { token: byId("token").value });
            location.reload();
        } catch (error) {
            tell(byId("sign-in-error"), `Not signed in: ${error.message}`);
            byId("token").select();
        }
    });
}

/** A key that is held down would open a question and answer it. */
function ignoreHeldKey(event) {
    if (event.key === "Enter" && event.repeat) event.preventDefault();
}

async function main() {
    let session;
    try {
        session = await get("/api/session");
    } catch (error) {
        complain(error);
        setTimeout(main, 2 * TICK);
        return;
    }
    tell(byId("error"), "");
    if (session.token && !session.signed_in) {
        askForToken();
        return;
    }
    new Dashboard(session).start();
}

addEventListener("keydown", ignoreHeldKey);
main();
