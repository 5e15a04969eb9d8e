// Line plots of CPU and memory over the last minutes, for the manager and each service.

import { Views, byId, element, setText, svg } from "./dom.js";
import { bytes, percent, uptime } from "./format.js";

const HEIGHT = 112;
const MARGIN = { left: 58, right: 10, top: 8, bottom: 20 };
const SHORTEST = 60;
const STEPS = [10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600];
const LEAST_PERCENT = 10;
const LEAST_BYTES = 1024 ** 2;

/** The least round number that is no less. */
function roundUp(value, base) {
    const power = base ** Math.floor(Math.log(value) / Math.log(base));
    const steps = base === 2 ? [1, 1.5, 2] : [1, 2, 4, 5, 10];
    return power * steps.find((step) => step * power >= value * 0.9999);
}

/** How long ago, in few characters. */
function tick(back) {
    if (!back) return "now";
    if (back >= 600) return `−${uptime(back)}`;
    return `−${Math.floor(back / 60)}:${String(back % 60).padStart(2, "0")}`;
}

const QUANTITIES = [
    { title: "CPU", text: percent, top: (value) => roundUp(Math.max(value, LEAST_PERCENT), 10) },
    { title: "Memory", text: bytes, top: (value) => roundUp(Math.max(value, LEAST_BYTES), 2) },
];

/** Points as a path; what is not known is a gap. */
export function path(points) {
    let command = "M";
    let made = "";
    for (const [x, y] of points) {
        if (y == null) {
            command = "M";
            continue;
        }
        made += `${command}${x.toFixed(1)} ${y.toFixed(1)}`;
        command = "L";
    }
    return made;
}

class Plot {
    constructor(owner, quantity) {
        this.owner = owner;
        this.quantity = quantity;
        this.now = element("span", { class: "now" });
        this.picture = svg("svg", { role: "img", height: HEIGHT });
        this.grid = svg("g", { class: "grid" });
        this.line = svg("path", { class: "line" });
        this.hair = svg("line", { class: "hair", y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom });
        this.picture.append(this.grid, this.line, this.hair);
        const caption = element("figcaption", {}, `${quantity.title} `, this.now);
        this.node = element("figure", {}, caption, this.picture);
        this.picture.addEventListener("pointermove", (event) => this.#point(event.offsetX));
        this.picture.addEventListener("pointerleave", () => this.#point(null));
    }

    /** `samples`: pairs of a time and a value. */
    draw(samples, width) {
        const last = samples.at(-1)?.[0] ?? 0;
        const span = Math.max(SHORTEST, last - (samples[0]?.[0] ?? last));
        const known = samples.map(([, value]) => value).filter((value) => value != null);
        const most = Math.max(0, ...known);
        const top = this.quantity.top(most);
        const right = width - MARGIN.right;
        const bottom = HEIGHT - MARGIN.bottom;
        this.x = (at) => right - ((last - at) / span) * (right - MARGIN.left);
        this.y = (value) => bottom - (value / top) * (bottom - MARGIN.top);
        this.samples = samples;
        this.picture.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
        this.#drawAxes(top, span, last, { width, right, bottom });
        const place = ([at, value]) => [this.x(at), value == null ? null : this.y(value)];
        this.line.setAttribute("d", path(samples.map(place)));
        this.#describe(known, most, span);
        this.#point(this.pointer ?? null);
    }

    #drawAxes(top, span, last, { right, bottom }) {
        const parts = [];
        for (const value of [0, top / 2, top]) {
            const y = this.y(value);
            parts.push(svg("line", { x1: MARGIN.left, x2: right, y1: y, y2: y }));
            const text = value ? this.quantity.text(value) : "0";
            const place = { x: MARGIN.left - 6, y: y + 4, "text-anchor": "end" };
            parts.push(svg("text", place, text.replace(/\.0(?=\D)/, "")));
        }
        const step = STEPS.find((each) => span / each <= 4.5) ?? span;
        for (let back = 0; back <= span; back += step) {
            const x = this.x(last - back);
            parts.push(svg("line", { x1: x, x2: x, y1: bottom, y2: bottom + 3 }));
            const anchor = back ? "middle" : "end";
            const place = { x: back ? x : right, y: bottom + 15, "text-anchor": anchor };
            parts.push(svg("text", place, tick(back)));
        }
        this.grid.replaceChildren(...parts);
    }

    #describe(known, most, span) {
        const { title, text } = this.quantity;
        const least = known.length ? Math.min(...known) : null;
        const range = `between ${text(least)} and ${text(most)} in the last ${uptime(span)}`;
        const now = text(this.samples.at(-1)?.[1]);
        const spoken = known.length ? `now ${now}, ${range}` : "not known";
        this.picture.setAttribute("aria-label", `${title} of ${this.owner}: ${spoken}`);
    }

    /** Tells the value under the pointer, or the last one. */
    #point(offset) {
        this.pointer = offset;
        const { text } = this.quantity;
        const samples = this.samples ?? [];
        let sample = samples.at(-1);
        if (offset != null && samples.length) {
            const far = ([at]) => Math.abs(this.x(at) - offset);
            sample = samples.reduce((best, each) => (far(each) < far(best) ? each : best));
            const back = samples.at(-1)[0] - sample[0];
            setText(this.now, `${text(sample[1])}, ${back < 1 ? "now" : `${uptime(back)} ago`}`);
            this.hair.setAttribute("x1", this.x(sample[0]));
            this.hair.setAttribute("x2", this.x(sample[0]));
        } else {
            setText(this.now, text(sample?.[1]));
        }
        this.hair.classList.toggle("shown", offset != null);
    }
}

class Pair {
    constructor(name, title) {
        this.name = name;
        this.plots = QUANTITIES.map((quantity) => new Plot(title, quantity));
        const nodes = this.plots.map(({ node }) => node);
        this.node = element("div", { class: "pair", "data-plots": name }, element("h3", {}, title));
        this.node.append(...nodes);
    }

    draw(samples, width) {
        this.plots.forEach((plot, index) => {
            plot.draw(samples.map((sample) => [sample[0], sample[index + 1]]), width);
        });
    }
}

/** Keeps samples, and draws those of the plots that are in sight. */
export class Plots {
    #samples = new Map();
    #span = 300;
    #inSight = new Set();
    #views;

    constructor() {
        const sight = new IntersectionObserver((changes) => {
            for (const { target, isIntersecting } of changes) {
                this.#inSight[isIntersecting ? "add" : "delete"](target.dataset.plots);
            }
            this.draw();
        });
        this.#views = new Views(byId("plots"), {
            key: (name) => name,
            make: (name) => {
                const made = new Pair(name, name || "the manager");
                sight.observe(made.node);
                return made;
            },
            update: () => {},
        });
        this.#views.update = (pair) => this.#draw(pair);
    }

    /** What the server remembers of the time before. */
    remember({ interval, manager, services }) {
        const all = [["", manager], ...Object.entries(services)];
        const kept = Math.max(0, ...all.map(([, samples]) => samples.length));
        this.#span = Math.max(this.#span, kept * interval);
        for (const [name, before] of all) {
            const later = (this.#samples.get(name) ?? []).filter(
                ([at]) => !before.length || at > before.at(-1)[0],
            );
            this.#samples.set(name, [...before.map((each) => each.slice(0, 3)), ...later]);
        }
    }

    add({ at, manager, services }) {
        const names = new Set(["", ...services.map(({ name }) => name)]);
        for (const name of this.#samples.keys()) if (!names.has(name)) this.#samples.delete(name);
        this.#append("", at, manager);
        for (const service of services) this.#append(service.name, at, service);
    }

    #append(name, at, { cpu, memory }) {
        const samples = this.#samples.get(name) ?? [];
        this.#samples.set(name, samples);
        if (samples.at(-1)?.[0] === at) return;
        // the server's clock may have been put back
        while (samples.length && samples.at(-1)[0] > at) samples.pop();
        samples.push([at, cpu, memory]);
        const old = samples.findIndex((sample) => sample[0] >= at - this.#span);
        if (old > 0) samples.splice(0, old);
    }

    draw() {
        this.#views.show([...this.#samples.keys()]);
    }

    #draw(pair) {
        if (!this.#inSight.has(pair.name)) return;
        const width = pair.plots[0].picture.clientWidth;
        if (width) pair.draw(this.#samples.get(pair.name), width);
    }
}
