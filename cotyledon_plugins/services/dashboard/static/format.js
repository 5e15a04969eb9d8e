// Values as texts for people.

const NONE = "–";
/** Keeps a number and its unit on one line. */
const SPACE = "\u00a0";
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** Seconds, as exactly as is of use: the longer, the coarser. */
export function duration(seconds) {
    if (seconds == null) return NONE;
    const whole = Math.max(0, Math.floor(seconds));
    if (seconds < 10 && !Number.isInteger(seconds)) return `${seconds.toFixed(1)}${SPACE}s`;
    return uptime(whole);
}

/** The same in whole seconds. */
export function uptime(seconds) {
    if (seconds == null) return NONE;
    const whole = Math.max(0, Math.floor(seconds));
    if (whole < 60) return `${whole}${SPACE}s`;
    if (whole < 600) return pair(whole, 60, "min", 1, "s");
    if (whole < 3600) return `${Math.floor(whole / 60)}${SPACE}min`;
    if (whole < 86400) return pair(whole, 3600, "h", 60, "min");
    return pair(whole, 86400, "d", 3600, "h");
}

function pair(seconds, large, largeUnit, small, smallUnit) {
    const rest = Math.floor((seconds % large) / small);
    const head = `${Math.floor(seconds / large)}${SPACE}${largeUnit}`;
    return rest ? `${head}${SPACE}${rest}${SPACE}${smallUnit}` : head;
}

export function ago(seconds) {
    return seconds < 2 ? "just now" : `${uptime(seconds)} ago`;
}

export function bytes(value) {
    if (value == null) return NONE;
    let power = 0;
    while (value >= 1024 ** (power + 1) && power < UNITS.length - 1) power += 1;
    const scaled = value / 1024 ** power;
    return `${scaled.toFixed(power && scaled < 100 ? 1 : 0)}${SPACE}${UNITS[power]}`;
}

export function percent(value) {
    return value == null ? NONE : `${value.toFixed(value < 10 ? 1 : 0)}${SPACE}%`;
}

export function or(value) {
    return value == null || value === "" ? NONE : String(value);
}

/** The time of day, with the day unless it is today. */
export function clock(wallTime) {
    const at = new Date(wallTime * 1000);
    const time = at.toLocaleTimeString("en-GB");
    if (at.toDateString() === new Date().toDateString()) return time;
    return `${at.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}${SPACE}${time}`;
}

export function iso(wallTime) {
    return new Date(wallTime * 1000).toISOString();
}

export function count(number, one, more = `${one}s`) {
    return `${number} ${number === 1 ? one : more}`;
}

export function label(service, worker) {
    return worker == null ? (service ?? "") : `${service}:${worker}`;
}

/** "a", "a and b", "a, b and c" */
export function list(words) {
    if (words.length < 2) return words.join("");
    return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
