// Questions before something is done. <dialog> keeps the focus inside and gives it back.

import { button, element, setText, tell } from "./dom.js";

let numbered = 0;

function build(title, parts) {
    const id = `dialog-${(numbered += 1)}`;
    const heading = element("h2", { id }, title);
    const dialog = element("dialog", { "aria-labelledby": id, "aria-describedby": `${id}-what` });
    parts.find((part) => part.matches(".what")).id = `${id}-what`;
    const form = element("form", { method: "dialog" }, heading, ...parts);
    dialog.append(form);
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    return [dialog, form];
}

function values(form) {
    const given = Object.fromEntries(new FormData(form));
    for (const field of form.querySelectorAll("input[type=number]")) {
        given[field.name] = field.valueAsNumber;
    }
    return given;
}

/**
 * Asks, and does it if that is confirmed.
 *
 * title, submit: texts of the heading and of the button that does it
 * parts: elements between them, such as fields
 * text: says what will happen with these values of the fields; again after each change
 * danger: whether what is done is hard to undo; then the focus is on the other button
 * send: does it, given the values; what it returns is shown below and the dialog stays open,
 *     unless it returns nothing
 * done: called when it has been done and the dialog is closed
 */
export function ask({ title, submit, parts = [], text, danger = false, send, done = () => {} }) {
    const what = element("p", { class: "what", "aria-live": "polite" });
    const problem = element("p", { class: "alert", role: "alert", hidden: true });
    const result = element("div");
    const cancel = button("Cancel", () => dialog.close());
    const does = element("button", { class: danger ? "danger" : "primary" }, submit);
    const foot = element("div", { class: "foot" }, cancel, does);
    const [dialog, form] = build(title, [...parts, what, problem, result, foot]);
    const describe = () => setText(what, text(values(form)));
    const attempt = async () => {
        does.disabled = true;
        tell(problem, "");
        try {
            const shown = await send(values(form));
            if (!shown) {
                dialog.close();
                done();
                return;
            }
            result.replaceChildren(shown);
            setText(cancel, "Close");
        } catch (error) {
            tell(problem, `Not done: ${error.message}`);
        }
        does.disabled = false;
        does.focus();
    };
    form.addEventListener("input", describe);
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        attempt();
    });
    describe();
    dialog.showModal();
    const first = form.querySelector("input, select");
    (danger ? cancel : (first ?? does)).focus();
}

// Fields

export function field(text, input) {
    return element("label", { class: "field" }, element("span", {}, text), input);
}

/** Choices of which the first is chosen; pairs of a value and a text. */
export function choice(name, legend, choices) {
    const radios = choices.map(([value, text], index) => {
        const input = element("input", { type: "radio", name, value, checked: index === 0 });
        return element("label", {}, input, ` ${text}`);
    });
    return element("fieldset", {}, element("legend", {}, legend), ...radios);
}
