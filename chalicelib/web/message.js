// One line over everything, read out by screen readers: what was done, or why it was not. What was
// done may go away by itself; why it was not stays until something else is said.

import { find } from "./elements.js";

const SHOWN_MS = 8000;
let timer = null;

export function say(text, kind = "good") {
  const line = find("message");
  clearTimeout(timer);
  line.className = `message ${kind}`;
  line.textContent = text;
  if (kind === "good") timer = setTimeout(() => line.replaceChildren(), SHOWN_MS);
}
