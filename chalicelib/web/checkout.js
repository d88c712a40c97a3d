// From the cart to an order: for whom, how they get it, and how they pay.

import * as cart from "./cart.js";
import { find } from "./elements.js";
import { form } from "./forms.js";
import { say } from "./message.js";
import { placed } from "./orders.js";
import { ask } from "./shop.js";

export function start() {
  const made = find("order");
  form(made, order);
  made.addEventListener("change", handed);
  cart.draw();
  new IntersectionObserver(([seen]) => find("to-cart").classList.toggle("seen", seen.isIntersecting)).observe(made);
}

// The test cards are the local shop's; a shop elsewhere is paid at the counter or at the door.
export function seat(sitting) {
  const { name, "payment.token": card } = find("order").elements;
  name.value = sitting?.name ?? "";
  for (const choice of card.options) choice.hidden = choice.disabled = Boolean(choice.value) && !sitting?.isLocal;
  if (!sitting) find("order").reset();
  handed();
}

function handed() {
  const { handing, "deliver.address": address } = find("order").elements;
  address.required = handing.value === "deliver";
  find("order-delivery").hidden = !address.required;
}

async function order(made, key) {
  const recorded = await ask("orders", { method: "POST", body: body(new FormData(made)), key });
  cart.empty();
  say("Ordered.");
  await placed(recorded);
}

// A number without what people write between its digits.
const bare = (phone) => phone.replace(/[\s()./-]/g, "");

function body(given) {
  const said = (name) => given.get(name)?.trim() ?? "";
  const [email, phone, token] = [said("contact.email"), bare(said("contact.phone")), said("payment.token")];
  return {
    lines: cart.ordered(),
    ...(said("handing") === "deliver" ? { deliver: { address: said("deliver.address") } } : { collect: true }),
    name: said("name"),
    contact: { ...(email && { email }), ...(phone && { phone }) },
    ...(token && { payment: { token } }),
  };
}
