// Elements made from plain values. Text is only ever text: nothing here reads markup.

export const find = (id) => document.getElementById(id);

export function make(tag, { text, label, ...named } = {}, ...children) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (label !== undefined) made.setAttribute("aria-label", label);
  Object.assign(made, named);
  made.append(...children);
  return made;
}

// The list's children are the items, in their order: kept where they are known, made where they
// are new, and moved no more than needed, so that focus and animations survive.
export function arrange(list, items, keyOf, begin, update) {
  const known = new Map([...list.children].map((child) => [child.dataset.key, child]));
  const wanted = new Set(items.map(keyOf));
  for (const [key, child] of known) if (!wanted.has(key)) child.remove();
  let place = list.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let child = known.get(key);
    if (!child) {
      child = begin(item);
      child.dataset.key = key;
    }
    update(child, item);
    if (child === place) place = place.nextElementSibling;
    else list.insertBefore(child, place);
  }
}

export const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
