// The catalog, newest first: page by page, by category, each product with what one may do to it.

import { arrange, find, make } from "./elements.js";
import { shown } from "./money.js";
import { holds } from "./person.js";
import { dress, tile } from "./pictures.js";
import { ask, seen, follow } from "./shop.js";

const PAGE = 24;
const EVERY_MS = 4000;

let products = [];
let next = null;
let category = "";
let act = {};
let turn = () => {};

export function start(actions) {
  act = actions;
  find("more").addEventListener("click", more);
  find("category").addEventListener("change", choose);
  turn = follow(EVERY_MS, refresh);
}

// The catalog once it has passed this position.
export async function after(position) {
  await seen("products?limit=1", position);
  await turn();
}

export const named = (id) => products.find((product) => product.id === id)?.name ?? id;

export const redraw = () => draw();

function path(cursor) {
  const query = new URLSearchParams({ limit: PAGE });
  if (category) query.set("category", category);
  if (cursor) query.set("cursor", cursor);
  return `products?${query}`;
}

async function refresh() {
  const asked = category;
  const [page, categories] = await Promise.all([ask(path()), ask("categories?limit=100")]);
  if (asked !== category) return;
  merge(page);
  offer(categories.items);
  draw();
}

// The newest page before what was read of older ones; all anew, if they no longer meet.
function merge(page) {
  const newest = new Set(page.items.map((product) => product.id));
  const older = products.filter((product) => !newest.has(product.id));
  if (older.length === products.length || older.length === 0) {
    products = page.items;
    next = page.next;
  } else {
    products = [...page.items, ...older];
  }
}

async function more() {
  const asked = category;
  find("more").disabled = true;
  try {
    const page = await ask(path(next));
    if (asked !== category) return;
    const known = new Set(products.map((product) => product.id));
    products = [...products, ...page.items.filter((product) => !known.has(product.id))];
    next = page.next;
    draw();
  } catch (problem) {
    find("catalog-said").textContent = problem.message;
  } finally {
    find("more").disabled = false;
  }
}

function choose(event) {
  category = event.target.value;
  products = [];
  next = null;
  find("more").hidden = true; // until it is known what comes after the first page
  turn();
}

function offer(categories) {
  const chosen = find("category");
  const all = [{ category: "" }, ...categories];
  arrange(chosen, all, (item) => item.category, (item) => make("option", { value: item.category }), (option, item) => {
    option.textContent = item.category ? `${item.category} (${item.products})` : "All";
  });
  arrange(find("known-categories"), categories, (item) => item.category, (item) => make("option", { value: item.category }), () => {});
}

function draw() {
  arrange(find("products"), products, (product) => product.id, begin, update);
  find("more").hidden = !next;
  find("catalog-said").textContent = products.length ? "" : "Nothing is listed yet.";
  for (const choice of document.querySelectorAll("select.products")) {
    arrange(choice, products, (product) => product.id, (product) => make("option", { value: product.id }), (option, product) => {
      option.textContent = product.name;
    });
  }
}

function begin(product) {
  const card = make("li", {},
    tile(product),
    make("div", { className: "words" },
      make("h3"),
      make("p", { className: "brand" }),
      make("p", { className: "description" }),
      make("p", { className: "price" })),
    make("div", { className: "acts" },
      make("button", { type: "button", className: "act-order", text: "Add to cart" }),
      make("button", { type: "button", className: "act-buy quiet", text: "Buy" }),
      make("button", { type: "button", className: "act-photograph quiet", text: "Photograph" })));
  card.dataset.product = product.id;
  card.querySelector(".act-order").addEventListener("click", () => act.order(products.find((each) => each.id === product.id)));
  card.querySelector(".act-buy").addEventListener("click", (event) => act.buy(product.id, event.currentTarget));
  card.querySelector(".act-photograph").addEventListener("click", () => act.photograph(product.id));
  return card;
}

function update(card, product) {
  dress(card.querySelector(".tile"), product);
  const texts = {
    h3: product.name,
    ".brand": `${product.brand} · ${product.category}`,
    ".description": product.description,
    ".price": product.price ? shown(product.price) : "",
  };
  for (const [place, text] of Object.entries(texts)) {
    const found = card.querySelector(place);
    if (found.textContent !== text) found.textContent = text;
  }
  offerAct(card.querySelector(".act-order"), holds("customer") && product.price, `Add ${product.name} to the cart`);
  offerAct(card.querySelector(".act-buy"), holds("customer"), `Buy ${product.name}`);
  offerAct(card.querySelector(".act-photograph"), holds("photographer"), `Photograph ${product.name}`);
}

function offerAct(button, isOffered, label) {
  button.hidden = !isOffered;
  button.setAttribute("aria-label", label);
}
