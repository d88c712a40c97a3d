// The page: who sits here, what they may do, and what happens in the shop meanwhile.

import * as board from "./board.js";
import * as cart from "./cart.js";
import * as catalog from "./catalog.js";
import * as checkout from "./checkout.js";
import * as desk from "./desk.js";
import { find } from "./elements.js";
import { form, mark, tap } from "./forms.js";
import { say } from "./message.js";
import { minor } from "./money.js";
import * as orders from "./orders.js";
import * as person from "./person.js";
import { ask } from "./shop.js";
import * as strip from "./strip.js";
import * as work from "./work.js";

const at = (product) => `products/${encodeURIComponent(product)}`;

form(find("sign-in"), async (made) => {
  const { name, roles } = Object.fromEntries(new FormData(made));
  try {
    const opened = await ask("sessions", { method: "POST", body: { name, roles: [roles] } });
    made.reset();
    arrive({ token: opened.token, userId: opened.userId, name: name.trim(), roles: [roles], isLocal: true });
  } catch (problem) {
    if (problem.status !== 404) throw problem;
    made.hidden = true;
    find("token").hidden = false;
    find("token-text").focus();
  }
});

form(find("token"), async (made) => {
  const found = person.ofToken(made.elements.token.value.trim());
  if (!found) return mark(made.elements.token, "This does not look like a token.", true);
  made.reset();
  arrive(found);
});

// What they do opens above the form or below it: it is brought before the eyes, if it is not there.
function arrive(found) {
  person.remember(found);
  say(`Welcome, ${found.name}.`);
  const own = document.querySelector("[data-role]:not([hidden])");
  const top = own?.getBoundingClientRect().top;
  if (top < 0 || top > innerHeight / 2) own.scrollIntoView();
}

form(find("list"), async (made, key) => {
  const { name, brand, category, description, id } = Object.fromEntries(new FormData(made));
  const body = { name, brand, category, description };
  if (id.trim()) body.id = id.trim();
  const price = priceOf(made);
  if (price === null) return;
  if (price) body.price = price;
  const recorded = await ask("products", { method: "POST", body, key });
  say(`Listed: ${name}.`);
  made.reset();
  await catalog.after(recorded.position);
});

// The price in minor units; undefined where none is given, null where it is none, and marked so.
function priceOf(made) {
  const { "price.amount": amount, "price.currency": currency } = made.elements;
  if (!amount.value.trim()) return undefined;
  const code = currency.value.trim().toUpperCase();
  const found = minor(amount.value, code);
  if (found === undefined) {
    mark(amount, "A price looks like 12 or 12.50.", true);
    return null;
  }
  return { amount: found, currency: code };
}

form(find("photograph"), async (made, key) => {
  const { product, image } = Object.fromEntries(new FormData(made));
  const recorded = await ask(`${at(product)}/photo`, { method: "PUT", body: { image: image.trim() }, key });
  say(`${catalog.named(product)} has a new picture.`);
  made.elements.image.value = "";
  await catalog.after(recorded.position);
});

async function bought(product, key) {
  const recorded = await ask(`${at(product)}/purchases`, { method: "POST", body: {}, key });
  say(`Bought: ${catalog.named(product)}.`);
  await board.after(recorded.position);
}

const actions = {
  order: (product) => {
    cart.add(product);
    say(`In the cart: ${product.name}.`);
  },
  buy: (product, button) => tap(button, `buy ${product}`, (key) => bought(product, key)),
  photograph: (product) => {
    const { elements } = find("photograph");
    elements.product.value = product;
    elements.product.dispatchEvent(new Event("input", { bubbles: true }));
    elements.image.focus();
  },
};

function seat(sitting) {
  find("you").hidden = !sitting;
  find("you-name").textContent = sitting?.name ?? "";
  find("you-role").textContent = sitting?.roles.join(", ") ?? "";
  find("sign-in").hidden = Boolean(sitting);
  find("token").hidden = true;
  for (const made of document.querySelectorAll("[data-role]")) {
    made.hidden = !person.holds(made.dataset.role);
  }
  catalog.redraw();
  checkout.seat(sitting);
  desk.seat(sitting);
  orders.look();
  work.look();
  strip.signedInOrOut(sitting);
}

find("sign-out").addEventListener("click", () => {
  cart.empty();
  person.forget();
  say("Signed out.");
  find("sign-in-name").focus();
});

person.onChange(seat);
catalog.start(actions);
board.start();
checkout.start();
desk.start();
orders.start();
work.start();
strip.start();
person.restore(() => {
  person.forget();
  say("Your session is over: sign in again.", "bad");
});
