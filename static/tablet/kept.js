// Every page: how much waits on this tablet, and sending it as soon as the laptop answers.

import { answers, watch } from "./forms.js";
import { stayKnown } from "./identity.js";
import { announce, count, onChange, send } from "./outbox.js";
import { fact, setFact } from "./store.js";

const EVERY = 20_000;
const WORKER = "/worker.js";
const SOON = 3_000; // a page that waits for the laptop asks more often
const line = document.getElementById("kept");
const waitsFor = document.querySelector("[data-without-laptop]")?.dataset.withoutLaptop;

function show(name, number) {
  const part = line.querySelector(`[data-kept="${name}"]`);
  if (!part) return;
  part.hidden = !number;
  const place = part.querySelector("[data-count]");
  if (place && number) place.textContent = number;
}

async function draw() {
  const now = await count();
  show("waiting", now.saves);
  show("drafts", now.drafts);
  show("stuck", now.stuck);
  line.hidden = ![...line.children].some((part) => !part.hidden);
}

async function heard(message) {
  if (message === "left" && waitsFor !== "left") location.replace("/tablet/without-laptop/left/");
  const came = message.came ?? {};
  if (came.saved) {
    show("sent", came.saved);
    setTimeout(() => show("sent", 0), 8_000);
  }
  if (came.conflicted) show("conflicted", came.conflicted);
  if (came.kept) show("needs-you", Number(line.dataset.needsYou) + came.kept);
  if (waitsFor === "kept" && came.saved + came.kept > 0) told(came.kept ? "needs-you" : "saved");
  await draw();
}

function told(which) {
  for (const part of document.querySelectorAll("[data-told]")) part.hidden = part.dataset.told !== which;
}

async function goOn() {
  const now = await count();
  if (now.saves + now.drafts > 0 || waitsFor) {
    if (await answers()) {
      await send();
      if (waitsFor === "lost") location.reload();
      if (waitsFor === "left") location.replace("/");
    }
  }
}

function again(pause) {
  setTimeout(async () => {
    await goOn().catch(() => {});
    again(waitsFor ? SOON : EVERY);
  }, pause);
}

async function learn() {
  const { key, keyId, author, tablet, now } = line.dataset;
  if (!key) return;
  const before = await fact("laptop");
  await setFact("laptop", { key, key_id: keyId, author: author || before?.author, tablet, ahead: Number(now) - Date.now() });
}

async function work() {
  if (!("serviceWorker" in navigator) || waitsFor) return;
  const script = globalThis.trustedTypes
    ? trustedTypes.createPolicy("posta-worker", { createScriptURL: () => WORKER }).createScriptURL(WORKER)
    : WORKER;
  globalThis.registration = await navigator.serviceWorker.register(script, { type: "module", scope: "/" });
  // A page that was on its way while the worker began belongs to nobody, and would lose a Save with the Wi-Fi.
  const { active } = await navigator.serviceWorker.ready;
  if (!navigator.serviceWorker.controller) active.postMessage("claim");
  const { lang } = document.documentElement;
  const before = await fact("language");
  if (before !== lang) {
    await setFact("language", lang);
    if (before) active.postMessage("language");
  }
}

// A page that comes back from memory may be somebody else's: never show it.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  document.documentElement.hidden = true;
  location.reload();
});

document.querySelector("[data-again]")?.addEventListener("click", () => location.reload());

if (line) {
  if (waitsFor === "left") {
    sessionStorage.clear();
    localStorage.clear();
  }
  onChange(heard);
  line.addEventListener("posta:unkept", () => {
    show("unkept", 1);
    line.hidden = false;
  });
  watch();
  await learn().catch(() => {});
  draw().catch(() => {});
  if (Number(line.dataset.needsYou)) {
    show("needs-you", line.dataset.needsYou);
    line.hidden = false;
  }
  window.addEventListener("online", () => goOn().catch(() => {}));
  if (waitsFor !== "lost" && waitsFor !== "left") send(true).catch(() => {});
  again(waitsFor ? SOON : EVERY);
  if (!waitsFor && !document.querySelector("[data-gate]")) stayKnown();
  work().catch(() => {});
  if (waitsFor === "left") announce("left");
}
