// One's own orders, newest first: where each stands, when it will be ready, and what one can do.

import { arrange, find, make } from "./elements.js";
import { form, tap } from "./forms.js";
import { say } from "./message.js";
import { shown } from "./money.js";
import { current, holds } from "./person.js";
import { ask, follow, latest, seen } from "./shop.js";
import { clock, isDrawn, lines } from "./ticket.js";

const SHOWN = 5;
const EVERY_MS = 2000;
const LIST = `orders?as=customer&limit=${SHOWN}`;
const at = (id) => `orders/${encodeURIComponent(id)}`;

const WAYS = {
  collect: ["placed", "paid", "ready", "collected"],
  deliver: ["placed", "paid", "fulfilled", "dispatched", "delivered"],
};
const WORDS = {
  placed: "Ordered",
  paid: "Paid",
  "payment-declined": "Card declined",
  "payment-offered": "Another card",
  ready: "Ready",
  collected: "Collected",
  fulfilled: "Made",
  dispatched: "On its way",
  delivered: "Delivered",
  cancelled: "Cancelled",
  expired: "Expired",
  "refund-requested": "Refund asked",
  refunded: "Refunded",
};
const OVER = new Set(["collected", "delivered", "cancelled", "expired", "refunded"]);
const NEVER = new Set(["cancelled", "expired"]);
const CAN_STOP = new Set(["placed", "paid", "payment-declined", "payment-offered"]);

export let look = () => {};

export function start() {
  look = follow(EVERY_MS, async () => {
    const sitting = current();
    const orders = holds("customer") ? await read() : [];
    if (sitting === current()) draw(orders);
  });
}

// The order that was just placed: shown, and brought before the eyes.
export async function placed({ subject, position }) {
  await after(position);
  const card = [...find("mine-list").children].find((each) => `order/${each.dataset.key}` === subject);
  card?.focus();
}

async function after(position) {
  await seen(LIST, position);
  await look();
}

// The list has no timelines. An order that is over is read whole once, and again if it changes.
const whole = new Map();
async function read() {
  const page = await latest(LIST);
  return Promise.all(page.items.map(async (item) => {
    const said = JSON.stringify(item);
    const known = whole.get(item.id);
    if (OVER.has(item.status) && known?.said === said) return known.order;
    const order = await latest(at(item.id));
    whole.set(item.id, { said, order });
    return order;
  }));
}

function draw(orders) {
  find("mine").hidden = orders.length === 0;
  arrange(find("mine-list"), orders, (order) => order.id, begin, update);
}

function begin({ id }) {
  const card = make("li", { className: "order", tabIndex: -1 },
    make("h3"),
    make("p", { className: "sum" }),
    make("ol", { className: "steps" }),
    make("ul", { className: "lines" }),
    another(id),
    make("details", { className: "stop" },
      make("summary", { text: "Cancel this order" }),
      make("button", { type: "button", className: "quiet", text: "Yes, cancel it" })));
  card.querySelector(".stop button").addEventListener("click", ({ currentTarget }) => {
    tap(currentTarget, `cancel ${id}`, (key) => move(`${at(id)}/cancelled`, {}, key));
  });
  return card;
}

function another(id) {
  const select = find("order-card").cloneNode(true);
  select.id = `card-${id}`;
  select.name = "token";
  select.required = true;
  select.options[0].remove();
  const made = make("form", { className: "another", noValidate: true, hidden: true },
    make("div", { className: "field" },
      make("label", { htmlFor: select.id, text: "Pay with another card" }), select),
    make("p", { className: "problem", role: "alert" }),
    make("button", { text: "Pay" }));
  form(made, (_, key) => move(`${at(id)}/payments`, { token: select.value }, key));
  return made;
}

async function move(path, body, key) {
  const recorded = await ask(path, { method: "POST", body, key });
  await after(recorded.position);
}

function update(card, order) {
  if (isDrawn(card, order)) return;
  const before = card.dataset.status;
  card.dataset.status = order.status;
  card.classList.toggle("over", OVER.has(order.status));
  card.querySelector("h3").replaceChildren(...sentence(order));
  card.querySelector(".sum").textContent = sum(order);
  card.querySelector(".steps").replaceChildren(...steps(order));
  card.querySelector(".lines").replaceChildren(...lines(order));
  card.querySelector(".another").hidden = order.status !== "payment-declined" || !current().isLocal;
  card.querySelector(".stop").hidden = !CAN_STOP.has(order.status);
  if (before && before !== order.status) {
    say(card.querySelector("h3").textContent, order.status === "payment-declined" ? "bad" : "good");
  }
}

// Where it stands, as one would say it.
function sentence(order) {
  const { status, byCard, readyAt } = order;
  if (readyAt) return ["Ready at about ", clock(readyAt), "."];
  if (isStuck(order)) return ["Your card could not be charged: please ask us."];
  switch (status) {
    case "placed": return [byCard ? "Your card is being charged." : "It will be made, and brought to you."];
    case "paid": return ["It is being made."];
    case "payment-offered": return ["Your other card is being charged."];
    case "payment-declined": return ["Your card was declined. Is there another one?"];
    case "ready": return ["It is ready: come and collect it."];
    case "fulfilled": return ["It is made, and waits for the courier."];
    case "dispatched": return ["It is on its way."];
    case "expired": return ["It was not paid in time."];
    case "collected":
    case "delivered": return [`${WORDS[status]}. Enjoy it!`];
    default: return [`${WORDS[status]}.`];
  }
}

// The last word on a card is that nobody knows what became of it.
const isStuck = ({ status, timeline }) => (status === "placed" || status === "payment-offered")
  && timeline.filter((step) => step.status.startsWith("payment-")
    || (step.status === "given-up" && step.about === "charge")).at(-1)?.status === "given-up";

function sum(order) {
  if (NEVER.has(order.status) && !order.paidByCard) return `${shown(order.total)}, not paid`;
  const place = order.branch === "collect" ? "at the counter" : "at the door";
  const back = order.refunded ? `, ${shown(order.refunded)} given back` : "";
  return `${shown(order.total)} ${order.byCard ? "by card" : place}${back}`;
}

// What happened, with its time, and what is still to come.
function steps(order) {
  const done = order.timeline.filter((step) => step.status in WORDS);
  const way = WAYS[order.branch].filter((step) => step !== "paid" || order.byCard);
  const reached = Math.max(...done.map((step) => way.indexOf(step.status)));
  const ahead = OVER.has(order.status) ? [] : way.slice(reached + 1);
  return [
    ...done.map((step) => make("li", { className: `done ${step.status}` }, WORDS[step.status], clock(step.at))),
    ...ahead.map((step) => make("li", { text: WORDS[step] })),
  ];
}
