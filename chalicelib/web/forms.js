// Plain forms, and taps that send at once. Each sends an Idempotency-Key that is made once for what it now says: whoever sends
// it again after a lost answer says the same event, and not a second one. What the shop refuses is
// shown at the field that it names; of a tap it is said over everything.

import { find, make } from "./elements.js";
import { say } from "./message.js";
import { newKey, Problem } from "./shop.js";

export function form(made, send) {
  let key = null;
  made.addEventListener("input", (event) => {
    key = null;
    unmark(event.target);
  });
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    clear(made);
    const missing = firstMissing(made);
    if (missing) return mark(missing, "This is needed.", true);
    key ??= newKey();
    await busily(made.querySelector("button:not([type])"), async () => {
      try {
        await send(made, key);
        key = null;
      } catch (problem) {
        if (!(problem instanceof Problem)) throw problem;
        if (!problem.isLost) key = null;
        show(made, problem);
      }
    });
  });
  return made;
}

const keys = new Map(); // of taps that were sent and not answered, by what they mean

export function tap(button, meaning, send) {
  return busily(button, async () => {
    const key = keys.get(meaning) ?? newKey();
    keys.set(meaning, key);
    try {
      await send(key);
      keys.delete(meaning);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (!problem.isLost) keys.delete(meaning);
      say(plain(problem), "bad");
    }
  });
}

async function busily(button, work) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    await work();
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

function show(made, problem) {
  const elsewhere = [];
  let first = true;
  for (const { field, detail } of problem.fields) {
    const control = controlFor(made, field);
    if (control) {
      mark(control, detail, first);
      first = false;
    } else {
      elsewhere.push(detail);
    }
  }
  if (problem.fields.length === 0 || elsewhere.length) {
    made.querySelector(".problem").textContent = elsewhere[0] ?? plain(problem);
  }
}

function plain(problem) {
  return problem.isLost ? `${problem.message} Send it again: it counts once.` : problem.message;
}

// `lines.0.quantity` is shown at the nearest control there is: `lines.0`, `lines`.
function controlFor(made, field) {
  for (let name = field; name; name = name.slice(0, Math.max(0, name.lastIndexOf(".")))) {
    const found = [...made.elements].find((control) => control.name === name || control.name.startsWith(`${name}.`));
    if (found) return found;
  }
  return null;
}

function firstMissing(made) {
  return [...made.elements].find((control) => control.required && !control.value.trim());
}

export function mark(control, text, focus) {
  const id = `${control.id}-wrong`;
  unmark(control);
  control.closest("details")?.setAttribute("open", "");
  control.after(make("p", { id, className: "wrong", text }));
  control.setAttribute("aria-invalid", "true");
  control.dataset.described = control.getAttribute("aria-describedby") ?? "";
  control.setAttribute("aria-describedby", `${id} ${control.dataset.described}`.trim());
  if (focus) control.focus();
}

function unmark(control) {
  const wrong = find(`${control.id}-wrong`);
  if (!wrong) return;
  wrong.remove();
  control.removeAttribute("aria-invalid");
  if (control.dataset.described) control.setAttribute("aria-describedby", control.dataset.described);
  else control.removeAttribute("aria-describedby");
}

function clear(made) {
  made.querySelector(".problem").textContent = "";
  for (const control of made.elements) unmark(control);
}
