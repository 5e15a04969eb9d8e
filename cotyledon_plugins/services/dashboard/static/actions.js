// What can be done, each after a question that says what will happen.

import { act, get } from "./api.js";
import { ask, choice, field } from "./dialogs.js";
import { byId, element, setText } from "./dom.js";
import { count, label, list } from "./format.js";

const SHOWN = 6000;
const LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "NOTSET"];
let timer;

function notice(text) {
    clearTimeout(timer);
    setText(byId("done"), text);
    timer = setTimeout(() => setText(byId("done"), ""), SHOWN);
}

function processOf(worker) {
    return worker.pid == null ? "" : ` (process ${worker.pid})`;
}

function living(service) {
    return service.workers.filter(({ pid }) => pid != null).length;
}

/** The name of what is meant, and the arguments that name it. */
function target({ service, worker }) {
    if (typeof service === "string") {
        return [label(service, worker.worker), { service, worker: worker.worker }];
    }
    return [service.name, { service: service.name }];
}

/** A question about a service or a worker of it. */
function command(action, verb, of, more) {
    const [name, body] = target(of);
    ask({
        title: `${verb} ${name}?`,
        submit: `${verb} ${name}`,
        send: async (given) => {
            await act(action, { ...body, ...more.values?.(given) });
        },
        done: () => notice(`${verb} ${name}: the manager has taken it.`),
        ...more,
    });
}

function restartWorker(of) {
    const [name] = target(of);
    const text = `Worker ${name}${processOf(of.worker)} is asked to end, and is killed if it has not
        within its grace period. Then another process is started in its place.`;
    command("restart", "Restart", of, { text: () => text });
}

function restartService(of) {
    const { name, workers } = of.service;
    const all = count(workers.length, "worker");
    const texts = {
        rolling: `The ${all} of ${name} are replaced a few at a time, as a reload does: the next
            ones when those before them are ready. If one fails, the rest stay as they are.`,
        now: `All of the ${all} of ${name} are asked to end at the same time, and are started again.
            Until they are ready, nothing does their work.`,
    };
    command("restart", "Restart", of, {
        parts: [
            choice("how", "How", [
                ["rolling", "rolling: a few at a time"],
                ["now", "all at once"],
            ]),
        ],
        text: ({ how }) => texts[how],
        values: ({ how }) => ({ rolling: how === "rolling" }),
    });
}

function stop(of) {
    const one = of.worker && `Worker ${label(of.service, of.worker.worker)}${processOf(of.worker)}`;
    const whom = one
        ? `${one} is`
        : `The ${count(living(of.service), "running worker")} of ${of.service.name} are`;
    const text = `${whom} asked to end, and killed after the grace period. Nothing is started in its
        place until somebody asks for that, which cannot be done here if it is this dashboard.`;
    command("stop", "Stop", of, { danger: true, text: () => text });
}

function start(of) {
    const text = of.worker
        ? `A process is started as worker ${label(of.service, of.worker.worker)}.`
        : `Processes are started for the ${count(of.service.wanted || of.service.workers.length,
            "worker")} of ${of.service.name}, where there are none.`;
    command("start", "Start", of, { text: () => text });
}

function scale(of) {
    const { name, wanted: now } = of.service;
    const input = element("input", {
        type: "number", name: "workers", min: 0, max: 100_000, step: 1, value: now, required: true,
    });
    const text = ({ workers: wanted }) => {
        if (!Number.isInteger(wanted) || wanted < 0) return "Give a number of workers.";
        const lasts = "A reload sets the number that the configuration gives.";
        const change = Math.abs(wanted - now);
        if (!change) return `${name} is to have ${count(now, "worker")}: nothing changes.`;
        return wanted > now
            ? `${count(change, "worker")} more of ${name} will be started: ${wanted} instead of
                ${now}. ${lasts}`
            : `${count(change, "worker")} of ${name} will be asked to end, those with the highest
                numbers: ${wanted} will be there instead of ${now}. ${lasts}`;
    };
    command("scale", "Scale", of, {
        parts: [field(`Workers of ${name}`, input)],
        text,
        values: ({ workers: wanted }) => ({ workers: wanted }),
    });
}

function dump(of) {
    const name = label(of.service, of.worker.worker);
    ask({
        title: `Stacks of ${name}`,
        submit: "Get the stacks",
        text: () => `Worker ${name}${processOf(of.worker)} writes the Python stacks of all its
            threads, and goes on with its work.`,
        send: async () => {
            const { stacks } = await act("dump", { service: of.service, worker: of.worker.worker });
            const title = `Stacks of ${name}`;
            return element("pre", { tabindex: "0", "aria-label": title }, stacks || "none");
        },
    });
}

function describeService({ service, old_workers: old, workers, effects, ...options }) {
    const named = [...options.replacing, ...options.in_place, ...options.live, ...options.restart];
    const scaled = old === workers ? "" : ` (${old} → ${count(workers, "worker")})`;
    const because = named.length ? `, for ${list([...new Set(named)])}` : "";
    return `~ ${service}: ${list(effects) || "changed"}${scaled}${because}`;
}

/** A preview as lines: `+`, `-`, `~`, and `!` for why the reload would be refused. */
function previewLines({ added, removed, changed, notifiers, live, refused }) {
    const group = (sign, names, what = "") => (names ?? []).map((name) => `${sign} ${what}${name}`);
    return [
        ...group("!", refused, "would be refused: "),
        ...group("+", added, "service "),
        ...group("-", removed, "service "),
        ...(changed ?? []).map(describeService),
        ...group("+", notifiers?.added, "notifier "),
        ...group("-", notifiers?.removed, "notifier "),
        ...group("~", notifiers?.changed, "notifier "),
        ...group("~", live, "the manager's "),
    ];
}

async function reload() {
    let lines;
    try {
        lines = previewLines(await get("/api/preview"));
    } catch (error) {
        lines = [`! would be refused: ${error.message}`];
    }
    const none = "The configuration is as it was when it was last read: nothing would change.";
    const refused = lines.some((text) => text.startsWith("!"));
    const items = lines.map((text) => element("li", {}, text));
    const changes = element("ul", { class: "preview" }, ...items);
    const text = refused
        ? "The manager would refuse this, and nothing would change."
        : "The manager reads its configuration again, and takes over what differs, as above.";
    ask({
        title: "Reload the configuration?",
        submit: "Reload",
        parts: [lines.length ? changes : element("p", {}, none)],
        text: () => text,
        danger: refused,
        send: async () => {
            await act("reload");
        },
        done: () => notice("Reload: the manager has taken it."),
    });
}

function shutdown(name) {
    const texts = {
        graceful: `Every worker of every service is asked to end, and killed after its grace period.
            Then the manager ends.`,
        now: `Every worker of every service is ended at once, whatever it is doing, without a grace
            period. Then the manager ends.`,
    };
    const after = `If this dashboard is one of its services, it ends too: nothing here can start it
        again.`;
    ask({
        title: `Shut down ${name}?`,
        submit: `Shut down ${name}`,
        parts: [
            choice("how", "How", [
                ["graceful", "gracefully"],
                ["now", "at once"],
            ]),
        ],
        text: ({ how }) => `${texts[how]} ${after}`,
        danger: true,
        send: async ({ how }) => {
            await act("shutdown", { now: how === "now" });
        },
        done: () => notice("Shutdown: the manager has taken it."),
    });
}

function logLevel() {
    const logger = element("input", {
        name: "logger", placeholder: "the root logger", autocapitalize: "none", spellcheck: "false",
    });
    const options = LEVELS.map((level) => element("option", {}, level));
    const none = element("option", { value: "" }, "only show it");
    const level = element("select", { name: "level" }, none, ...options);
    const named = (given) => (given.logger ? `The logger ${given.logger}` : "The root logger");
    ask({
        title: "Log level of the manager",
        submit: "Go",
        parts: [field("Logger", logger), field("Level", level)],
        text: (given) => {
            const then = given.level ? `gets the level ${given.level}` : "is shown with its level";
            return `${named(given)} of the manager's process ${then}. Workers are not concerned.`;
        },
        send: async (given) => {
            const body = Object.fromEntries(Object.entries(given).filter(([, value]) => value));
            const now = await act("log-level", body);
            const text = `${now.logger || "root"}: ${now.level}, effective ${now.effective}`;
            return element("p", { role: "status" }, text);
        },
    });
}

export const rowActions = {
    restart: (of) => (of.worker ? restartWorker(of) : restartService(of)),
    stop,
    start,
    scale,
    dump,
};
export const managerActions = { reload, logLevel, shutdown };
