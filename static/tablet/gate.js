// The page that unknown devices see. A tablet that has only overslept, or lost its cookies, shows its key and goes on.

import { prove } from "./identity.js";

const gate = document.querySelector("[data-gate]");
const NOT_TWICE = 10_000; // whoever is sent back here right after a proof keeps no cookies
const MARK = "posta-proved";

function show(name) {
  for (const part of gate.querySelectorAll("[data-gate-part]")) part.hidden = part.dataset.gatePart !== name;
}

async function goOn() {
  if (Date.now() - Number(sessionStorage.getItem(MARK)) < NOT_TWICE || !(await prove())) return false;
  sessionStorage.setItem(MARK, String(Date.now()));
  const form = document.getElementById("again");
  if (form) HTMLFormElement.prototype.submit.call(form);
  else if (gate.dataset.gate === "get") location.reload();
  else show("repeat");
  return true;
}

goOn()
  .catch(() => false)
  .then((went) => {
    if (!went) show("stranger");
  });
