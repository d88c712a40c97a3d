// A picture, from the camera to the product: sent to where the shop says, and then given to it.

import { form, mark } from "./forms.js";
import { ask, Problem } from "./shop.js";

const KINDS = new Set(["image/jpeg", "image/png", "image/webp"]);
const MOST_MB = 10;
const PATIENCE_MS = 120_000;

// A form that sends the picture in it, and tells `given` what came of it.
export function camera(made, product, given) {
  return form(made, async (_, key) => {
    const control = made.elements.upload;
    const [file] = control.files;
    const wrong = flaw(file);
    if (wrong) return mark(control, wrong, true);
    const about = product();
    const upload = await sent(file, made.querySelector("progress"));
    await given(about, await ask(`products/${encodeURIComponent(about.product)}/photo`, { method: "PUT", body: { upload }, key }));
    made.reset();
  });
}

function flaw({ type, size }) {
  if (!KINDS.has(type)) return "This is no picture that is taken here: send a JPEG, PNG or WebP.";
  if (size > MOST_MB * 1024 * 1024) return `This picture is too large: up to ${MOST_MB} MB are taken.`;
  return size ? null : "This file is empty.";
}

// Under which id the file lies there. What got through is not sent again with the same file: so
// giving it once more, after a lost answer, is the same event.
const through = new WeakMap();

async function sent(file, progress) {
  if (through.has(file)) return through.get(file);
  const place = await ask("uploads", { method: "POST", body: { contentType: file.type, bytes: file.size } });
  progress.value = 0;
  progress.hidden = false;
  try {
    await post(place, file, (part) => { progress.value = part; });
  } finally {
    progress.hidden = true;
  }
  through.set(file, place.upload);
  return place.upload;
}

// `fetch` does not say how far it is.
function post({ url, fields }, file, tell) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  body.append("file", file);
  const lost = new Problem(0, { detail: "The picture did not get through." });
  const refused = (status) => new Problem(status, { detail: "The picture was not taken where it was sent. Choose it again." });
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.timeout = PATIENCE_MS;
    request.upload.addEventListener("progress", ({ loaded, total }) => tell(loaded / total));
    request.addEventListener("load", () => (request.status < 300 ? done() : fail(refused(request.status))));
    for (const silence of ["error", "timeout"]) request.addEventListener(silence, () => fail(lost));
    request.send(body);
  });
}
