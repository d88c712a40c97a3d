// The photo desk: how a photographer stands there, what they are asked for, and how long still.

import { camera } from "./camera.js";
import * as catalog from "./catalog.js";
import { find } from "./elements.js";
import { form, tap } from "./forms.js";
import { say } from "./message.js";
import { current, holds } from "./person.js";
import { ask, follow, latest, seen } from "./shop.js";
import { clock, isDrawn } from "./ticket.js";

const EVERY_MS = 2000;
const own = () => `photographers/${encodeURIComponent(current().userId)}`;

let standing = null; // as it was told last; null while this person is not registered

export let look = () => {};

export function start() {
  form(find("register"), register);
  camera(find("upload"), () => standing.assignment, given);
  find("leave").addEventListener("click", ({ currentTarget }) => {
    tap(currentTarget, "leave the desk", (key) => leave(key));
  });
  setInterval(tick, 1000);
  look = follow(EVERY_MS, async () => {
    if (holds("photographer")) await read(current());
  });
}

// Somebody else sits here, or nobody: nothing of whoever sat here before is left.
export function seat(sitting) {
  standing = null;
  find("register").reset();
  find("register-name").value = sitting?.name ?? "";
  find("inbox").hidden = !sitting?.isLocal;
  draw();
  look();
}

// Who is not registered is asked after ever more seldom: that is what a look that fails comes to.
async function read(sitting) {
  try {
    const told = await latest(own());
    if (sitting === current()) show(told);
  } catch (problem) {
    if (sitting === current() && problem.status === 404) show(null);
    throw problem;
  }
}

async function register(made, key) {
  const said = (name) => made.elements[name].value.trim();
  const [phone, name] = [said("phone"), said("name")];
  const recorded = await ask("photographers", { method: "POST", body: { phone, ...(name && { name }) }, key });
  say("You are registered.");
  await after(recorded);
}

async function leave(key) {
  await after(await ask(own(), { method: "DELETE", key }));
  say("You are asked for no more pictures.");
}

// The desk hears of it a moment later, and its clock stops then.
async function given({ name }, { position }) {
  say(`${name} has your picture.`);
  await catalog.after(position);
  await look();
}

async function after({ position }) {
  await seen(own(), position);
  await look();
}

function show(told) {
  const before = standing;
  standing = told;
  if (!before && told) find("register-phone").value ||= told.phone;
  tell(before, told);
  draw();
}

// What happened between two looks, in a sentence or two.
function tell(before, now) {
  const [was, is] = [before?.assignment, now?.assignment];
  if (was && was.since === is?.since && was.product === is.product) {
    if (was.received && !is.received) say(`What you sent of ${was.name} cannot be used as a picture. Send another.`, "bad");
    return;
  }
  find("upload").reset(); // what was chosen for one product is not for the next
  const said = [was && ended(was, before, now), is && `We ask you for a picture of ${is.name}.`].filter(Boolean);
  if (said.length) say(said.join(" "));
}

function ended({ name, until }, before, now) {
  if (now?.completed > before.completed) return `Thank you! Your picture of ${name} is in the catalog.`;
  if (now?.left > before.left) return `${name} has a picture by now: do not send yours.`;
  return isOver(until) ? `Your time for ${name} is over.` : `You are asked for ${name} no more.`;
}

const isOver = (stamp) => Date.parse(stamp) <= Date.now();

function draw() {
  const isThere = Boolean(standing?.left) && !isOver(standing.until);
  const asked = standing?.assignment;
  if (isDrawn(find("desk"), [standing, isThere])) return;
  find("desk-said").replaceChildren(...sentence(isThere));
  find("register-button").textContent = standing ? "Register again" : "Register";
  find("leave").hidden = !isThere && !asked;
  find("texts").href = standing ? `inbox#${encodeURIComponent(standing.phone)}` : "inbox";
  find("asked").hidden = !asked;
  if (!asked) return;
  find("asked-name").textContent = asked.name;
  find("asked-until").replaceChildren(clock(asked.until));
  tick();
}

function sentence(isThere) {
  if (!standing) return ["Leave your number, and you are asked for pictures by text message."];
  const done = `${standing.completed} done so far.`;
  if (!isThere) return [`You are asked for no more pictures, unless you register again. ${done}`];
  const more = standing.left === 1 ? "1 more picture" : `${standing.left} more pictures`;
  return [`You may be asked for ${more} until `, clock(standing.until), `. ${done}`];
}

// The time that is left. It is shown each second, and read out only to who asks for it.
function tick() {
  const asked = standing?.assignment;
  if (!asked || document.hidden) return;
  const left = Math.max(0, Math.ceil((Date.parse(asked.until) - Date.now()) / 1000));
  const shown = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  find("asked-left").textContent = asked.received ? "It is being looked at." : left ? `${shown} left` : "Time is over.";
}
