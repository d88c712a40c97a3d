// The log as it flows by: the newest events from the left, each with its verdict.

import { arrange, find, isCalm, make } from "./elements.js";
import { current } from "./person.js";
import { ask, follow } from "./shop.js";

const SHOWN = 24;
const EVERY_MS = 1000;

let turn = () => {};

export function start() {
  turn = follow(EVERY_MS, async () => {
    if (current()) show((await ask(`events?limit=${SHOWN}`)).items);
  });
}

export function signedInOrOut(person) {
  find("strip-window").hidden = !person;
  find("strip-said").hidden = Boolean(person);
  if (person) turn();
  else find("strip-events").replaceChildren();
}

function show(items) {
  const list = find("strip-events");
  const first = list.firstElementChild;
  const was = first?.offsetLeft;
  arrange(list, items, (item) => item.position, begin, () => {});
  if (!first || isCalm()) return;
  const moved = first.isConnected ? first.offsetLeft - was : list.parentElement.clientWidth;
  if (moved > 0) list.animate([{ transform: `translateX(${-moved}px)` }, { transform: "none" }], { duration: 700, easing: "ease-out" });
}

function begin(item) {
  const why = item.reason ? `${item.verdict}: ${item.reason}` : item.verdict;
  return make("li", { className: item.verdict },
    make("span", { className: "verdict", text: why }),
    make("span", { className: "kind", text: kindOf(item) }),
    make("span", { className: "subject", text: item.subject ?? "not believed" }),
    make("time", { dateTime: item.arrived, text: new Date(item.arrived).toLocaleTimeString() }));
}

const kindOf = ({ type }) => type?.replace(/^tillstream\./, "").replace(/\.v\d+$/, "") ?? "unknown";
