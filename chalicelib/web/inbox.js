// The text messages of a local shop, the newest first: the workshop's telephone. Which number it is
// stands in the address, so a reload and a bookmark keep it.

import { arrange, find, make } from "./elements.js";
import { follow, latest } from "./shop.js";

const LOOK_MS = 2000;
const phone = find("phone");

const number = () => decodeURIComponent(location.hash.slice(1));

function told({ phone: to, at, text }) {
  const when = make("time", { text: new Date(at).toLocaleTimeString(), dateTime: at });
  return make("li", {}, make("p", {}, make("strong", { text: to }), " ", when), make("p", { text }));
}

function offer(items) {
  const numbers = new Set([number(), ...items.map((item) => item.phone)].filter(Boolean));
  const known = new Set([...phone.options].map((option) => option.value));
  for (const each of [...numbers].sort()) {
    if (!known.has(each)) phone.append(make("option", { value: each, text: each }));
  }
  phone.value = number();
}

function show({ items }) {
  offer(items);
  const ours = items.filter((item) => !number() || item.phone === number());
  find("said").hidden = ours.length > 0;
  arrange(find("texts"), ours, (item) => item.id, told, () => {});
}

const look = follow(LOOK_MS, async () => show(await latest("inbox")));

phone.addEventListener("change", () => {
  history.replaceState(null, "", phone.value ? `#${encodeURIComponent(phone.value)}` : "#");
  look();
});
addEventListener("hashchange", look);
