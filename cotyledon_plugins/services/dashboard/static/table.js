// The table of services and their workers.

import { Views, button, byId, element, set, setText, tell } from "./dom.js";
import { ago, bytes, count, duration, label, or, percent, uptime } from "./format.js";

const UNFOLDED = 20;
/** Signs beside the words, for those who do not see the colours. */
const SIGNS = {
    running: ["✓", "good"],
    starting: ["…", "busy"],
    stopping: ["…", "busy"],
    backoff: ["↻", "warn"],
    degraded: ["!", "warn"],
    fatal: ["✕", "bad"],
    exited: ["■", "still"],
    stopped: ["■", "still"],
};

export function showBadge(node, text, sign, kind) {
    set(node, "class", `badge ${kind}`);
    set(node, "data-sign", sign);
    setText(node, text);
}

function showState(node, state, text = state) {
    showBadge(node, text, ...(SIGNS[state] ?? ["?", "still"]));
}

/** A row with a cell for each column. */
class Row {
    constructor(kind) {
        this.node = element("tr", { class: kind, role: "row" });
        this.badge = element("span");
        this.name = this.#cell("th", "", "name", { scope: "row", role: "rowheader" });
        this.state = this.#cell("td", "State", "state", {}, this.badge);
        this.process = this.#cell("td", "Process", "number process");
        this.uptime = this.#cell("td", "Uptime", "number uptime");
        this.restarts = this.#cell("td", "Restarts", "number");
        this.cpu = this.#cell("td", "CPU", "number");
        this.memory = this.#cell("td", "Memory", "number");
        this.detail = this.#cell("td", "", "detail");
        this.act = this.#cell("td", "", "act buttons");
    }

    #cell(name, title, kind, attributes = {}, ...children) {
        const given = { role: "cell", class: kind, "data-label": title || null, ...attributes };
        const made = element(name, given, ...children);
        this.node.append(made);
        return made;
    }

    line(kind) {
        const made = element("p", { class: kind, hidden: true });
        this.detail.append(made);
        return made;
    }

    showUse({ restarts, cpu, memory }) {
        setText(this.restarts, or(restarts));
        setText(this.cpu, percent(cpu));
        setText(this.memory, bytes(memory));
    }
}

/** The buttons of a row; a service and a worker have the same ones, but for a few. */
function offer(row, actions, name, get, more) {
    const make = (text, act) => {
        const made = button(`${text}…`, () => act(get()), { "aria-label": `${text} ${name}` });
        row.act.append(made);
        return made;
    };
    make("Restart", actions.restart);
    const turn = make("Stop", (of) => {
        const act = turn.dataset.does === "Start" ? actions.start : actions.stop;
        act(of);
    });
    make(...more);
    return (does) => {
        set(turn, "data-does", does);
        setText(turn, `${does}…`);
        set(turn, "aria-label", `${does} ${name}`);
    };
}

function endText({ at, text, asked, uptime: lived }, now) {
    const why = asked ? ", as asked" : "";
    return `Last end ${ago(now - at)}: ${text}${why}, after ${duration(lived)}`;
}

class WorkerView {
    constructor(service, worker, actions) {
        const name = label(service, worker.worker);
        this.row = new Row("worker");
        this.node = this.row.node;
        this.node.dataset.worker = name;
        setText(this.row.name, name);
        this.status = this.row.line("status-text");
        this.waiting = this.row.line("waiting");
        this.end = this.row.line("end");
        const get = () => ({ service, worker: this.worker });
        this.turn = offer(this.row, actions, name, get, ["Stacks", actions.dump]);
    }

    update(worker, { now, passed }) {
        const { row } = this;
        this.worker = worker;
        const unready = worker.state === "running" && !worker.ready;
        showState(row.badge, worker.state, unready ? "running, not ready" : worker.state);
        setText(row.process, or(worker.pids?.length > 1 ? worker.pids.join(", ") : worker.pid));
        setText(row.uptime, uptime(worker.uptime == null ? null : worker.uptime + passed));
        row.showUse(worker);
        tell(this.status, worker.status_text ?? "");
        tell(this.waiting, whatIsNext(worker, passed));
        tell(this.end, worker.last_exit ? endText(worker.last_exit, now) : "");
        this.turn(worker.goal === "down" ? "Start" : "Stop");
    }
}

function whatIsNext({ restart_in: wait, pending }, passed) {
    if (wait != null) return `Starts again in ${uptime(wait - passed + 0.999)}`;
    return pending ? `Its ${pending} is yet to come` : "";
}

class ServiceView {
    constructor(service, actions, filter) {
        const { name } = service;
        this.row = new Row("service");
        this.node = element("tbody", { role: "rowgroup", "data-service": name }, this.row.node);
        this.filter = filter;
        this.unfolded = service.workers.length <= UNFOLDED;
        this.toggle = button("", () => this.turnOver(), { class: "toggle" });
        this.toggle.append(element("span", {}, name));
        this.row.name.append(this.toggle);
        this.ready = element("span", { class: "ready" });
        this.row.state.append(this.ready);
        this.why = this.row.line("end");
        this.workers = new Views(this.node, {
            key: ({ worker }) => worker,
            make: (worker) => new WorkerView(name, worker, actions),
            update: (view, worker) => view.update(worker, this.time),
        });
        const get = () => ({ service: this.service });
        this.turn = offer(this.row, actions, name, get, ["Scale", actions.scale]);
    }

    turnOver() {
        this.unfolded = !this.unfolded;
        this.update(this.service, this.time);
    }

    update(service, time) {
        this.service = service;
        this.time = time;
        const { row } = this;
        showState(row.badge, service.state);
        setText(this.ready, `${service.ready} of ${service.wanted} ready`);
        row.showUse(service);
        tell(this.why, service.given_up ? `Given up: ${service.given_up}` : "");
        this.turn(service.workers.some(({ goal }) => goal === "up") ? "Stop" : "Start");
        set(this.toggle, "aria-expanded", String(this.unfolded));
        this.workers.show(this.unfolded ? service.workers.filter(this.filter) : []);
    }
}

export class ServiceTable {
    #views;
    #last = null;

    constructor(actions) {
        const table = byId("services-table");
        this.name = byId("services-name");
        this.unready = byId("services-unready");
        for (const field of [this.name, this.unready]) {
            field.addEventListener("input", () => this.#last && this.show(...this.#last));
        }
        byId("services-filter").addEventListener("submit", (event) => event.preventDefault());
        const filter = ({ ready }) => !(this.unready.checked && ready);
        this.#views = new Views(table, {
            key: ({ name }) => name,
            make: (service) => new ServiceView(service, actions, filter),
            update: (view, service) => view.update(service, this.#last[1]),
        });
    }

    /** `time`: `now`, and the seconds `passed` since the services were so. */
    show(services, time) {
        this.#last = [services, time];
        const wanted = this.name.value.trim().toLowerCase();
        this.#views.show(services.filter(({ name }) => name.toLowerCase().includes(wanted)));
        const workers = services.flatMap((service) => service.workers);
        const ready = workers.filter((worker) => worker.ready).length;
        const told = `${count(services.length, "service")}, ${ready} of `;
        setText(byId("services-count"), `${told}${count(workers.length, "worker")} ready`);
    }
}
