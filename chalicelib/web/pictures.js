// A product's picture on a tile of its own colour. The tile is drawn from the product's id and
// name, and is what is seen when there is no picture, or none that this page may load: pictures
// come over https or from the shop itself, and one that does not load is taken away. One that the
// shop keeps is a path below this page, and there in two sizes.

import { make } from "./elements.js";

export function tile(product) {
  const made = make("div", { className: "tile" }, make("span", { className: "initials" }));
  made.firstChild.setAttribute("aria-hidden", "true");
  dress(made, product);
  return made;
}

export function dress(made, product) {
  made.style.setProperty("--hue", hue(product.id));
  made.firstChild.textContent = initials(product.name);
  const address = allowed(product.image);
  if (made.dataset.address === (address ?? "")) return;
  made.dataset.address = address ?? "";
  made.querySelector("img")?.remove();
  made.classList.remove("pictured");
  if (address) made.append(picture(made, address, product));
}

function picture(made, address, product) {
  const image = make("img", { alt: `Picture of ${product.name}`, loading: "lazy", decoding: "async" });
  image.referrerPolicy = "no-referrer";
  image.addEventListener("error", () => image.remove());
  image.addEventListener("load", () => made.classList.add("pictured"));
  image.src = address;
  if (address.startsWith(kept())) image.srcset = `${address}-small 1x, ${address} 2x`;
  return image;
}

function kept() {
  return new URL("pictures/", document.baseURI).href;
}

function allowed(address) {
  if (address?.startsWith("/pictures/")) return kept() + address.slice("/pictures/".length);
  if (!address || !URL.canParse(address)) return null;
  const url = new URL(address);
  return url.protocol === "https:" || url.origin === location.origin ? url.href : null;
}

function initials(name) {
  const words = name.trim().split(/\s+/u);
  return words.slice(0, 2).map((word) => [...word][0]).join("").toUpperCase();
}

function hue(text) {
  let mixed = 2166136261;
  for (const character of text) mixed = Math.imul(mixed ^ character.codePointAt(0), 16777619);
  return ((mixed ^ (mixed >>> 15)) >>> 0) % 360;
}
