// The winners: merchants and photographers side by side, on one scale, with bars that grow.

import { arrange, find, isCalm, make } from "./elements.js";
import { current } from "./person.js";
import { ask, seen, follow } from "./shop.js";

const ROLES = ["creator", "photographer"];
const SHOWN = 8;
const EVERY_MS = 1000;
const path = (role) => `scores?role=${role}&limit=${SHOWN}`;

let turn = () => {};

export function start() {
  turn = follow(EVERY_MS, async () => show(await Promise.all(ROLES.map((role) => ask(path(role))))));
}

// The board once it has passed this position.
export async function after(position) {
  await seen(path("creator"), position);
  await turn();
}

function show(pages) {
  const most = Math.max(1, ...pages.flatMap((page) => page.items.map((item) => item.score)));
  pages.forEach((page, side) => showSide(find(`board-${ROLES[side]}`), page.items, most));
  tell(pages.map((page) => page.items[0]));
}

function showSide(list, items, most) {
  const before = new Map([...list.children].map((row) => [row.dataset.key, row.offsetTop]));
  arrange(list, items, (item) => item.userId, begin, (row, item) => update(row, item, most));
  list.classList.toggle("empty", items.length === 0);
  if (isCalm()) return;
  for (const row of list.children) {
    const moved = (before.get(row.dataset.key) ?? row.offsetTop) - row.offsetTop;
    if (moved) row.animate([{ transform: `translateY(${moved}px)` }, { transform: "none" }], { duration: 500, easing: "ease-out" });
  }
}

function begin() {
  return make("li", {},
    make("span", { className: "name" }),
    make("span", { className: "score" }),
    make("span", { className: "track" }, make("span", { className: "bar" })));
}

function update(row, item, most) {
  const [name, score, track] = row.children;
  name.textContent = item.name ?? "Somebody";
  name.title = name.textContent;
  score.textContent = item.score.toLocaleString();
  row.classList.toggle("me", item.userId === current()?.userId);
  // A bar that was just made grows from nothing: its first style is nought, seen by layout.
  if (!row.dataset.score) track.getBoundingClientRect();
  row.dataset.score = item.score;
  track.firstChild.style.transform = `translateX(${(item.score / most - 1) * 100}%)`;
}

// For those who hear the board: a sentence when somebody else leads, and no more than that.
let told = "";
function tell([creator, photographer]) {
  const leads = (item) => item?.name ?? (item ? "Somebody" : null);
  const names = [leads(creator), leads(photographer)];
  if (names.join("\n") === told) return;
  told = names.join("\n");
  find("board-said").textContent = names[0]
    ? `${names[0]} leads the merchants${names[1] ? `, ${names[1]} the photographers` : ""}.`
    : "Nothing is sold yet.";
}
