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
const at = (role) => `orders?as=${role}&limit=${SHOWN}`;
const isReady = (order) => order.status === "ready";
const step = (name) => ({ id }) => [`orders/${encodeURIComponent(id)}/${name}`, {}];

// Each list shows the orders that are `of` it, and does `act` to one by what `says` sends.
const LANES = [
  { role: "barista", list: "bar-make", of: (order) => !isReady(order), act: "Ready", says: step("ready") },
  { role: "barista", list: "bar-ready", of: isReady, act: "Collected", says: step("collected") },
  { role: "maker", list: "making-list", of: () => true, act: "Made", says: ({ id }) => ["fulfillments", { orderId: id, fulfillmentId: id }] },
  { role: "courier", list: "carrying-list", of: () => true, act: "Delivered", says: ({ id }) => ["deliveries", { orderId: id, deliveryCompanyId: current().userId }] },
];
const COUNTS = {
  barista: ([made, ready]) => `${made || "Nothing"} to make, ${ready || "nothing"} to be collected.`,
  maker: ([made]) => `${made || "Nothing"} to make.`,
  courier: ([carried]) => `${carried || "Nothing"} to deliver.`,
};
const turns = new Map();

export function start() {
  for (const role of Object.keys(COUNTS)) {
    turns.set(role, follow(EVERY_MS, async () => {
      const sitting = current();
      const orders = holds(role) ? (await latest(at(role))).items : [];
      if (sitting === current()) draw(role, orders);
    }));
  }
}

export const look = () => turns.forEach((turn) => turn());

function draw(role, orders) {
  const counts = LANES.filter((lane) => lane.role === role).map((lane) => {
    const items = orders.filter(lane.of);
    arrange(find(lane.list), items, (order) => order.id, (order) => begin(order, lane), (card, order) => update(card, order, lane));
    return items.length;
  });
  const said = find(`${role}-said`);
  const text = COUNTS[role](counts);
  if (said.textContent !== text) said.textContent = text;
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

function done(button, order, { role, list, act, says }) {
  return tap(button, `${act} ${order.id}`, async (key) => {
    const [path, body] = says(order);
    const isFocused = button === document.activeElement;
    const recorded = await ask(path, { method: "POST", body, key });
    say(`${act}: ${whose(order)}.`);
    await seen(at(role), recorded.position);
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
