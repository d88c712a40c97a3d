// The cart: lines as they were typed, kept as long as the tab. The shop computes what an order
// costs from its catalog; the sum shown here is what the catalog said when a line was added.

import { arrange, find, make } from "./elements.js";
import { shown } from "./money.js";
import { tile } from "./pictures.js";

const PLACE = "tillstream.cart";

let lines = restored();
let next = Math.max(0, ...lines.map((line) => line.key)) + 1;

// One more of a line without wishes; otherwise a line of its own.
export function add({ id, name, price, image }) {
  const same = lines.find((line) => line.product === id && !line.options.trim() && !line.note.trim());
  if (same) same.quantity = String((Number(same.quantity) || 0) + 1);
  else lines.push({ key: next++, product: id, name, price, image, quantity: "1", options: "", note: "" });
  changed();
}

export function empty() {
  lines = [];
  changed();
}

// The lines as an order has them.
export const ordered = () => lines.map(({ product, quantity, options, note }) => {
  const wishes = options.split(",").map((wish) => wish.trim()).filter(Boolean);
  return {
    productId: product,
    quantity: Number(quantity),
    ...(wishes.length && { options: wishes }),
    ...(note.trim() && { note: note.trim() }),
  };
});

// What was said of the cart so far is about another cart: its form hears that as an input.
function changed() {
  draw();
  find("order").dispatchEvent(new Event("input", { bubbles: true }));
}

export function draw() {
  arrange(find("cart-lines"), lines.map((line, at) => ({ ...line, at })), (line) => String(line.key), begin, update);
  find("cart-empty").hidden = lines.length > 0;
  find("checkout").hidden = lines.length === 0;
  tally();
}

function tally() {
  const sums = new Map();
  for (const { price, quantity } of lines) {
    sums.set(price.currency, (sums.get(price.currency) ?? 0) + price.amount * (Number(quantity) || 0));
  }
  const total = [...sums].map(([currency, amount]) => shown({ amount, currency })).join(" + ");
  const pieces = lines.reduce((sum, line) => sum + (Number(line.quantity) || 0), 0);
  find("cart-total").textContent = total;
  find("to-cart").textContent = `Cart: ${pieces} · ${total}`;
  find("to-cart").hidden = lines.length === 0;
  if (lines.length) sessionStorage.setItem(PLACE, JSON.stringify(lines));
  else sessionStorage.removeItem(PLACE);
}

function begin({ key, product, name, image }) {
  const line = make("li", { className: "cart-line" },
    tile({ id: product, name, image }),
    make("p", { className: "what", text: name }),
    make("p", { className: "cost" }),
    field(key, "quantity", "Quantity", { type: "number", min: 1, max: 999, step: 1, required: true, inputMode: "numeric" }),
    make("button", { type: "button", className: "quiet", text: "Remove", label: `Remove ${name}` }),
    make("details", { className: "wished" },
      make("summary"),
      field(key, "options", "Wishes, with commas between", { maxLength: 400, placeholder: "oat milk, no sugar" }),
      field(key, "note", "Note", { maxLength: 280 })));
  line.querySelector("button").addEventListener("click", () => remove(key));
  line.addEventListener("input", ({ target }) => typed(key, target));
  return line;
}

function field(key, member, label, named) {
  const id = `cart-${key}-${member}`;
  const control = make("input", { id, autocomplete: "off", ...named });
  control.dataset.member = member;
  return make("div", { className: "field" }, make("label", { htmlFor: id, text: label }), control);
}

function typed(key, control) {
  const line = lines.find((each) => each.key === key);
  line[control.dataset.member] = control.value;
  dress(control.closest("li"), line);
  tally();
}

function remove(key) {
  lines = lines.filter((line) => line.key !== key);
  changed();
  find("order").focus();
}

// Each control has the name by which the shop speaks of it.
function update(item, line) {
  for (const control of item.querySelectorAll("input")) {
    control.name = `lines.${line.at}.${control.dataset.member}`;
    if (control.value !== line[control.dataset.member]) control.value = line[control.dataset.member];
  }
  dress(item, line);
}

function dress(item, { price, quantity, options, note }) {
  const wishes = [options, note].map((text) => text.trim()).filter(Boolean).join(", ");
  item.querySelector(".cost").textContent = shown({ ...price, amount: price.amount * (Number(quantity) || 0) });
  item.querySelector("summary").textContent = wishes ? `Wishes: ${wishes}` : "Add wishes, such as oat milk";
}

function restored() {
  try {
    return JSON.parse(sessionStorage.getItem(PLACE)) ?? [];
  } catch {
    return [];
  }
}
