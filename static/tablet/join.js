// A tablet lets itself in with a code: typed, or behind the # of the address that the QR code holds (it is never sent).

import { join } from "./identity.js";

const page = document.querySelector("[data-join]");
const form = page.querySelector("form");
const { code, label } = form.elements;

function say(sentence) {
  const failed = page.querySelector("[data-join-failed]");
  failed.hidden = !sentence;
  if (!sentence) return;
  failed.querySelector("p").textContent = sentence;
  failed.scrollIntoView({ block: "nearest" });
}

async function submitted(event) {
  event.preventDefault();
  const button = form.querySelector("button");
  if (button.getAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  say("");
  try {
    const answer = await join(code.value, label.value);
    if (answer.ok) done(answer.label);
    else say(answer.errors ? Object.values(answer.errors).join(" ") : answer.title);
  } catch {
    say(page.dataset.lost);
  }
  button.removeAttribute("aria-busy");
}

function done(name) {
  page.querySelector("[data-join-form]").hidden = true;
  const title = page.querySelector("[data-join-title]");
  title.textContent = title.dataset.done;
  const told = page.querySelector("[data-join-done]");
  told.querySelector("bdi").textContent = name;
  told.hidden = false;
  told.focus();
}

if (location.hash.length > 1) {
  code.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
  label.focus();
}
form.addEventListener("submit", submitted);
