// The restart history: how workers' processes have ended in the last minutes, and what followed.

import { Views, byId, element, set, setText, svg, tell } from "./dom.js";
import { clock, count, duration, iso, label, uptime } from "./format.js";

const WINDOW = 900;
const SHOWN = 50;
const KEPT = 2000;
const SIGNALS = {
    1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
    9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
};

/** As `cotyledon_core.outcome`. */
function outcome({ asked, forced, cause, oom_killed: oomKilled, status }) {
    if (asked) return forced ? "forced" : "asked";
    if (cause !== "exited") return cause.replaceAll(" ", "_");
    if (oomKilled) return "oom_killed";
    if (status.signal != null) return "signal";
    if (status.code == null) return "unknown";
    return status.code ? "error" : "success";
}

function reason({ cause, oom_killed: oomKilled, status, detail }) {
    const parts = [];
    if (cause !== "exited") parts.push(cause);
    if (oomKilled) parts.push("by the kernel's OOM killer");
    if (status.signal != null) parts.push(SIGNALS[status.signal] ?? `signal ${status.signal}`);
    else if (status.code != null) parts.push(`exit status ${status.code}`);
    if (detail) parts.push(detail);
    return parts.join(", ");
}

const FOLLOWED = {
    worker_restarting: ({ delay }) => `starts again in ${duration(delay)}`,
    worker_spawned: (_, pid) => `process ${pid} took its place`,
    worker_stopped: ({ reason: why }) => `is not started again: ${why}`,
    worker_recycled: ({ reason: why }) => `recycled: ${why}`,
};

function kind(end) {
    return { asked: "calm", success: "calm" }[end.outcome] ?? "failed";
}

function words(end) {
    return end.outcome.replaceAll("_", " ");
}

const SHAPES = {
    calm: () => svg("circle", { r: 4.5 }),
    failed: () => svg("path", { d: "M-4.5-4.5 4.5 4.5M-4.5 4.5 4.5-4.5" }),
};

function mark(end) {
    return svg("svg", { class: `mark ${kind(end)}`, overflow: "visible" }, SHAPES[kind(end)]());
}

/** A service's ends along the time. */
class Lane {
    #marks;

    constructor(service) {
        this.service = service;
        this.title = element("span", { class: "lane-name" }, service);
        this.picture = svg("svg", { class: "lane", role: "img" });
        this.picture.append(svg("line", { x1: "0%", x2: "100%", y1: 11, y2: 11 }));
        this.sum = element("span", { class: "lane-sum muted" });
        this.node = element("div", { "data-lane": service }, this.title, this.picture, this.sum);
        this.#marks = new Views(this.picture, {
            key: ({ key }) => key,
            make: (end) => {
                const node = mark(end);
                node.setAttribute("y", 11);
                const at = `${clock(end.at)} ${end.name}: ${words(end)}, ${end.reason}`;
                node.append(svg("title", {}, at));
                return { node };
            },
            update: ({ node }, end) => set(node, "x", `${(end.place * 100).toFixed(1)}%`),
        });
    }

    show(ends, now) {
        for (const end of ends) end.place = Math.min(1, 1 - (now - end.at) / WINDOW);
        this.#marks.show(ends);
        const outcomes = new Map();
        for (const end of ends) outcomes.set(words(end), (outcomes.get(words(end)) ?? 0) + 1);
        const sum = [...outcomes].map(([name, number]) => `${number} ${name}`).join(", ");
        setText(this.sum, sum);
        const spoken = `${this.service}: ${count(ends.length, "end")} in ${uptime(WINDOW)}: ${sum}`;
        set(this.picture, "aria-label", spoken);
    }
}

class EndView {
    constructor(end) {
        this.then = element("span", { class: "muted" });
        const picture = svg("svg", { class: "sign", width: 16, height: 16, "aria-hidden": "true" });
        picture.setAttribute("viewBox", "-8 -8 16 16");
        picture.append(mark(end));
        this.node = element(
            "li",
            { "data-end": end.name },
            element("time", { datetime: iso(end.at) }, clock(end.at)),
            picture,
            element(
                "span",
                {},
                element("strong", {}, end.name),
                " ",
                element("span", { class: `outcome ${kind(end)}` }, words(end)),
                `${end.reason ? ` ${end.reason},` : ""} after ${duration(end.lived)}`,
                this.then,
            ),
        );
    }

    update(end) {
        tell(this.then, end.then ? ` → ${end.then}` : "");
    }
}

export class Ends {
    #ends = [];
    #lanes = new Views(byId("lanes"), {
        key: ([service]) => service,
        make: ([service]) => new Lane(service),
        update: (lane, [, ends]) => lane.show(ends, this.now),
    });
    #list = new Views(byId("ends"), {
        key: ({ key }) => key,
        make: (end) => new EndView(end),
        update: (view, end) => view.update(end),
    });

    constructor() {
        const ticks = [15, 10, 5].map((minutes) => element("span", {}, `−${minutes} min`));
        ticks.push(element("span", {}, "now"));
        this.axis = element("div", { class: "lane-axis muted", "aria-hidden": "true" }, ...ticks);
        byId("lanes").after(this.axis);
    }

    add(entry) {
        const name = label(entry.service, entry.worker_id);
        if (entry.event === "worker_exited") {
            this.#ends.push({
                key: entry.key,
                at: entry.wall_time,
                name,
                service: entry.service,
                outcome: outcome(entry.data),
                reason: reason(entry.data),
                lived: entry.data.uptime,
                then: "",
            });
            if (this.#ends.length > KEPT) this.#ends.shift();
        } else if (entry.event in FOLLOWED) {
            const last = this.#ends.findLast((end) => end.name === name);
            const open = last && !last.then.startsWith("process");
            if (open) last.then = FOLLOWED[entry.event](entry.data, entry.pid);
        }
    }

    show(now) {
        this.now = now;
        const recent = this.#ends.filter((end) => end.at > now - WINDOW);
        this.#lanes.show(byService(recent));
        this.#list.show(recent.slice(-SHOWN).reverse());
        const told = recent.length ? count(recent.length, "end") : "No worker's process has ended";
        setText(byId("ends-count"), `${told} in the last ${uptime(WINDOW)}`);
        this.axis.hidden = !recent.length;
    }
}

/** Pairs of a service and its ends, by name. */
function byService(ends) {
    const found = new Map();
    for (const end of ends) {
        if (!found.has(end.service)) found.set(end.service, []);
        found.get(end.service).push(end);
    }
    return [...found].sort(([one], [other]) => (one < other ? -1 : 1));
}
