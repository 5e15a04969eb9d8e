// The events as they come.

import { Views, byId, element, setText } from "./dom.js";
import { clock, iso } from "./format.js";

const KEPT = 2000;
const SHOWN = 200;
const KINDS = {
    worker_exited: ({ data }) => (data.asked || data.status?.code === 0 ? "still" : "bad"),
    worker_hung: () => "bad",
    worker_restarting: () => "warn",
    worker_stopped: ({ data }) => (data.clean ? "still" : "bad"),
    worker_recycled: () => "busy",
    worker_ready: () => "good",
    worker_spawned: () => "busy",
    service_given_up: () => "bad",
    service_commanded: () => "busy",
    service_scaled: () => "busy",
    commanded: () => "busy",
    reload_failed: () => "bad",
    hook_failed: () => "bad",
    notifier_disabled: () => "bad",
    dropped: () => "warn",
    manager_ready: () => "good",
    manager_reloaded: () => "good",
    manager_stopping: () => "warn",
};
const SIGNS = { good: "✓", bad: "✕", warn: "!", busy: "›", still: "·" };

/** A worker's own words do not say whose they are. */
function words({ event, service, worker_id: worker, text }) {
    return event === "worker_status" ? `worker ${service}(${worker}): ${text}` : text || event;
}

function line(entry) {
    const kind = KINDS[entry.event]?.(entry) ?? "still";
    const sign = element("span", { class: `sign ${kind}`, "aria-hidden": "true" }, SIGNS[kind]);
    const time = element("time");
    if (entry.wall_time != null) {
        time.setAttribute("datetime", iso(entry.wall_time));
        time.textContent = clock(entry.wall_time);
    }
    const text = element("span", { class: "text" }, words(entry));
    return { node: element("li", { "data-event": entry.event }, time, sign, text) };
}

export class Events {
    #entries = [];
    #held = 0;
    #paused = false;
    #changed = true;
    #list = new Views(byId("events"), { key: ({ key }) => key, make: line, update: () => {} });

    constructor() {
        this.service = byId("events-service");
        this.pause = byId("events-pause");
        this.service.addEventListener("change", () => this.#show());
        this.pause.addEventListener("click", () => this.#turnOver());
    }

    add(entry) {
        this.#entries.push(entry);
        if (this.#entries.length > KEPT) this.#entries.shift();
        if (this.#paused) this.#held += 1;
        this.#changed = true;
    }

    show(services) {
        this.#offer(services.map(({ name }) => name));
        setText(this.pause, this.#paused ? `Go on (${this.#held} new)` : "Pause");
        if (this.#changed && !this.#paused) this.#show();
    }

    #turnOver() {
        this.#paused = !this.#paused;
        this.#held = 0;
        this.pause.setAttribute("aria-pressed", String(this.#paused));
        setText(this.pause, this.#paused ? "Go on (0 new)" : "Pause");
        if (!this.#paused) this.#show();
    }

    /** Services to choose from; one that is chosen stays, even if it has been removed. */
    #offer(names) {
        const chosen = this.service.value;
        const wanted = [...new Set([...names, chosen])].filter(Boolean).sort();
        const options = [...this.service.options].slice(1);
        if (options.map(({ value }) => value).join("\n") === wanted.join("\n")) return;
        for (const option of options) option.remove();
        this.service.append(...wanted.map((name) => element("option", { value: name }, name)));
        this.service.value = chosen;
    }

    #show() {
        this.#changed = false;
        const chosen = this.service.value;
        const until = this.#paused ? this.#entries.length - this.#held : undefined;
        const those = this.#entries
            .slice(0, until)
            .filter(({ service }) => !chosen || service === chosen);
        this.#list.show(those.slice(-SHOWN).reverse());
    }
}
