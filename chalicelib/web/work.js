// What is to be done, oldest first, for whoever does it: one tap a step.

import { arrange, find, make } from "./elements.js";
import { tap } from "./forms.js";
import { say } from "./message.js";
import { shown } from "./money.js";
import { current, holds } from "./person.js";
import { ask, follow, latest, seen } from "./shop.js";
import { isDrawn, lines } from "./ticket.js";

const SHOWN = 50;
const EVERY_MS = 2000;
const at = (role, status) => `orders?as=${role}${status ? `&status=${status}` : ""}&limit=${SHOWN}`;
const step = (name) => ({ id }) => [`orders/${encodeURIComponent(id)}/${name}`, {}];

// Each list shows the oldest orders that its `paths` answer, so that no list takes another's room,
// and does `act` to one by what `says` sends.
const LANES = [
  { role: "barista", list: "bar-make", paths: [at("barista", "placed"), at("barista", "paid")], act: "Ready", says: step("ready") },
  { role: "barista", list: "bar-ready", paths: [at("barista", "ready")], act: "Collected", says: step("collected") },
  { role: "maker", list: "making-list", paths: [at("maker")], act: "Made", says: ({ id }) => ["fulfillments", { orderId: id, fulfillmentId: id }] },
  { role: "courier", list: "carrying-list", paths: [at("courier")], act: "Delivered", says: ({ id }) => ["deliveries", { orderId: id, deliveryCompanyId: current().userId }] },
];
const COUNTS = {
  barista: ([made, ready]) => `${some(made, "Nothing")} to make, ${some(ready, "nothing")} to be collected.`,
  maker: ([made]) => `${some(made, "Nothing")} to make.`,
  courier: ([carried]) => `${some(carried, "Nothing")} to deliver.`,
};
const NONE = { items: [], count: "0" };
const some = (count, none) => (count === "0" ? none : count);
const turns = new Map();

export function start() {
  for (const role of Object.keys(COUNTS)) {
    turns.set(role, follow(EVERY_MS, async () => {
      const sitting = current();
      const lanes = LANES.filter((lane) => lane.role === role);
      const queues = await Promise.all(lanes.map((lane) => holds(role) ? read(lane) : NONE));
      if (sitting === current()) draw(role, lanes, queues);
    }));
  }
}

export const look = () => turns.forEach((turn) => turn());

// The oldest of all that the paths answer: what is made first is ready first. After a full page
// there may be more.
async function read({ paths }) {
  const pages = await Promise.all(paths.map((path) => latest(path)));
  const found = pages.flatMap((page) => page.items);
  found.sort((one, other) => (one.readyAt ?? "").localeCompare(other.readyAt ?? ""));
  const items = found.slice(0, SHOWN);
  const isMore = found.length > SHOWN || pages.some((page) => page.next);
  return { items, count: `${items.length}${isMore ? "+" : ""}` };
}

function draw(role, lanes, queues) {
  lanes.forEach((lane, at) => {
    const { items, count } = queues[at];
    arrange(find(lane.list), items, (order) => order.id, (order) => begin(order, lane), (card, order) => update(card, order, lane));
    for (const shows of document.querySelectorAll(`[data-count="${lane.list}"]`)) tell(shows, count);
  });
  tell(find(`${role}-said`), COUNTS[role](queues.map(({ count }) => count)));
}

function tell(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function begin(order, lane) {
  const card = make("li", { className: "ticket" },
    make("h3"),
    make("ul", { className: "lines" }),
    make("p", { className: "address" }),
    make("p", { className: "due" }),
    make("button", { type: "button", text: lane.act }));
  card.querySelector("button").addEventListener("click", (event) => {
    // The next ticket moves under the finger: the second tap of a double one is not for it.
    if (event.detail < 2) done(event.currentTarget, order, lane);
  });
  return card;
}

function done(button, order, { role, list, paths, act, says }) {
  return tap(button, `${act} ${order.id}`, async (key) => {
    const [path, body] = says(order);
    const isFocused = button === document.activeElement;
    const recorded = await ask(path, { method: "POST", body, key });
    say(`${act}: ${whose(order)}.`);
    await seen(paths[0], recorded.position);
    await turns.get(role)();
    if (isFocused && !button.isConnected) find(list).querySelector("button")?.focus();
  });
}

const whose = ({ name, erased }) => name ?? (erased ? "somebody who was erased" : "somebody");

function update(card, order, { role, act }) {
  if (isDrawn(card, order)) return;
  const { address, contact, paidByCard, total } = order;
  const heading = card.querySelector("h3");
  heading.textContent = order.name ?? (order.erased ? "Erased customer" : "Somebody");
  heading.classList.toggle("hint", !order.name);
  card.querySelector(".lines").replaceChildren(...lines(order));
  card.querySelector(".address").replaceChildren(...(address ? [address] : []), ...phone(contact));
  card.querySelector(".due").textContent = paidByCard || !total.amount || role === "maker" ? "" : `To pay: ${shown(total)}`;
  card.querySelector("button").setAttribute("aria-label", `${act}: ${whose(order)}`);
}

function phone(contact) {
  if (!contact?.phone) return [];
  return ["\n", make("a", { href: `tel:${contact.phone.replace(/[^+\d]/g, "")}`, text: contact.phone })];
}
