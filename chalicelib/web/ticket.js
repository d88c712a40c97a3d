// What orders look like to whoever sees them: lines with wishes, a clock time, whether it is paid.

import { make } from "./elements.js";

// What was ordered and wished; what was given back is told, too.
export function lines(order) {
  return order.lines.map(({ quantity, name, options = [], note, returned }) => make("li", {},
    make("span", { className: "count", text: `${quantity} ×` }), " ",
    make("span", { className: "what", text: name }),
    ...options.flatMap((wish) => [" ", make("span", { className: "wish", text: wish })]),
    ...(note ? [" ", make("q", { text: note })] : []),
    ...(returned ? [" ", make("span", { className: "hint", text: `(${returned} given back)` })] : [])));
}

const TIME = { hour: "2-digit", minute: "2-digit" };
const DAY = { weekday: "short", day: "numeric", month: "short" };

// The time of day, with the day where it is not today.
export function clock(at) {
  const when = new Date(at);
  const isToday = when.toDateString() === new Date().toDateString();
  const text = when.toLocaleString([], isToday ? TIME : { ...DAY, ...TIME });
  return make("time", { dateTime: when.toISOString(), text });
}

// The card shows this order already: nothing needs to be drawn anew.
const drawn = new WeakMap();
export function isDrawn(card, order) {
  const said = JSON.stringify(order);
  if (drawn.get(card) === said) return true;
  drawn.set(card, said);
  return false;
}
