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
    service_restart_failed: () => "bad",
    hook_failed: () => "bad",
    notifier_disabled: () => "bad",
    dropped: () => "warn",
    manager_ready: () => "good",
    manager_reloaded: () => "good",
    manager_stopping: () => "warn",
};
const SIGNS = { good: "✓", bad: "✕", warn: "!", busy: "›", still: "·" };

function isStatus({ event }) {
    return event === "worker_status";
}

function line(entry) {
    const kind = KINDS[entry.event]?.(entry) ?? "still";
    const sign = element("span", { class: `sign ${kind}`, "aria-hidden": "true" }, SIGNS[kind]);
    const time = element("time");
    if (entry.wall_time != null) time.setAttribute("datetime", iso(entry.wall_time));
    const text = element("span", { class: "text" }, entry.text || entry.event);
    return { node: element("li", { "data-event": entry.event }, time, sign, text), time };
}

export class Events {
    #entries = [];
    /** The entries as they were when the list was paused. */
    #held = null;
    #news = 0;
    #changed = true;
    #list = new Views(byId("events"), {
        key: ({ key }) => key,
        make: line,
        update: ({ time }, { wall_time: at }) => setText(time, at == null ? "" : clock(at)),
    });

    constructor() {
        this.service = byId("events-service");
        this.pause = byId("events-pause");
        this.statuses = byId("events-statuses");
        for (const field of [this.service, this.statuses]) {
            field.addEventListener("change", () => this.#show());
        }
        this.pause.addEventListener("click", () => this.#turnOver());
    }

    add(entry) {
        this.#entries.push(entry);
        if (this.#entries.length > KEPT) this.#drop();
        if (this.#chosen(entry)) this.#news += 1;
        this.#changed = true;
    }

    /** What workers say they do comes often, and is soon out of date. */
    #drop() {
        this.#entries.splice(Math.max(0, this.#entries.findIndex(isStatus)), 1);
    }

    show(services) {
        this.#offer(services.map(({ name }) => name));
        setText(this.pause, this.#held ? `Go on (${this.#news} new)` : "Pause");
        if (this.#changed && !this.#held) this.#show();
    }

    #turnOver() {
        this.#held = this.#held ? null : [...this.#entries];
        this.#news = 0;
        this.#show();
        setText(this.pause, this.#held ? "Go on (0 new)" : "Pause");
    }

    #chosen(entry) {
        const { value } = this.service;
        const isOfService = !value || entry.service === value;
        return isOfService && (this.statuses.checked || !isStatus(entry));
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
        const those = (this.#held ?? this.#entries).filter((entry) => this.#chosen(entry));
        this.#list.show(those.slice(-SHOWN).reverse());
    }
}
