// Elements, and lists of them that are changed in place. Texts come from workers: they are only
// ever set as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
        if (value === true) node.setAttribute(name, "");
        else if (value !== false && value != null) node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
}

export function element(name, attributes = {}, ...children) {
    return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
    return fill(document.createElementNS(SVG, name), attributes, children);
}

export function byId(id) {
    return document.getElementById(id);
}

export function button(text, onclick, attributes = {}) {
    const made = element("button", { type: "button", ...attributes }, text);
    made.addEventListener("click", onclick);
    return made;
}

/** Touches the document only if the text is another one. */
export function setText(node, text) {
    if (node.textContent !== text) node.textContent = text;
}

export function set(node, attribute, value) {
    if (node.getAttribute(attribute) !== value) node.setAttribute(attribute, value);
}

/** Shows a text in an element that is hidden without one. */
export function tell(node, text) {
    setText(node, text);
    if (node.hidden === Boolean(text)) node.hidden = !text;
}

/**
 * The views of a list's items, each with a `node` below `parent`. A view stays as long as its
 * item's key does; `make` gets the item, and `update` the view and the item.
 */
export class Views {
    #parent;
    #views = new Map();

    constructor(parent, { key, make, update }) {
        this.#parent = parent;
        Object.assign(this, { key, make, update });
    }

    show(items) {
        const keys = new Set(items.map(this.key));
        for (const [key, view] of this.#views) {
            if (!keys.has(key)) {
                view.node.remove();
                this.#views.delete(key);
            }
        }
        let next = this.#parent.querySelector(":scope > [data-view]");
        for (const item of items) {
            const view = this.#view(item);
            this.update(view, item);
            if (view.node === next) next = next.nextElementSibling;
            else this.#parent.insertBefore(view.node, next);
        }
    }

    #view(item) {
        const key = this.key(item);
        if (!this.#views.has(key)) {
            const view = this.make(item);
            view.node.dataset.view = "";
            this.#views.set(key, view);
        }
        return this.#views.get(key);
    }
}
