// Who sits here: a token, and what the page shows of its owner. It lies in sessionStorage, so it
// lives as long as the tab and no other tab has it. What roles a pasted token holds is read from
// it only to choose the forms; the shop decides for itself what they may do.

import { speakAs } from "./shop.js";

const PLACE = "tillstream.person";
export const ROLES = ["merchant", "photographer", "customer", "barista", "maker", "courier"];

let person = null;
const listeners = [];

export const current = () => person;
export const holds = (role) => person !== null && person.roles.includes(role);
export const onChange = (listener) => listeners.push(listener);

export function remember(found) {
  person = found;
  sessionStorage.setItem(PLACE, JSON.stringify(found));
  changed();
}

export function forget() {
  person = null;
  sessionStorage.removeItem(PLACE);
  changed();
}

export function restore(refused) {
  person = read(sessionStorage.getItem(PLACE));
  speakAs(person?.token ?? null, refused);
  changed();
}

function changed() {
  speakAs(person?.token ?? null);
  for (const listener of listeners) listener(person);
}

function read(text) {
  try {
    const found = JSON.parse(text);
    return typeof found?.token === "string" && Array.isArray(found.roles) ? found : null;
  } catch {
    return null;
  }
}

// Whom a token names, by its own word; null where it does not look like a token.
export function ofToken(token) {
  const claims = claimsOf(token);
  if (!claims) return null;
  const said = [claims.roles, claims["cognito:groups"]].find(Array.isArray) ?? ROLES;
  const name = claims.name ?? claims["cognito:username"] ?? claims.sub ?? "somebody";
  return { token, userId: String(claims.sub ?? ""), name: String(name), roles: said.map(String) };
}

function claimsOf(token) {
  try {
    const text = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}
