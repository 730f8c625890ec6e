// Forms that are kept: a draft on the laptop every few seconds, and a Save that waits on the tablet without Wi-Fi.

import { keep } from "./outbox.js";

const QUIET = 3_000; // after the last key
const LONGEST = 6_000; // while somebody types on
const WITHOUT_WIFI = 800; // nothing travels then, and the page may go any moment
const PATIENCE = 4_000;
const ANSWERS = "textarea, select, input:not([type=hidden])";
const pages = new Map();
const asking = new WeakSet(); // other forms: while the laptop is asked, and once it has answered
const answered = new WeakSet();
let reached = true;

const known = () => document.getElementById("kept")?.dataset ?? {};
const pass = () => known().pass ?? "";

// By the laptop's clock: a page that was opened later counts on from a higher number, on whatever tablet.
const firstNumber = () => Math.max(0, Math.floor(Number(known().now) / 1000) - 1_735_689_600);

function written(form, submitter) {
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form, submitter)) {
    if (typeof value === "string" && !["csrfmiddlewaretoken", "kept", "draft_id"].includes(name)) fields.append(name, value);
  }
  return fields.toString();
}

function begin(form) {
  const page = { id: form.dataset.draft || crypto.randomUUID(), number: firstNumber(), timer: 0, since: 0, done: false };
  page.last = written(form);
  for (const name of ["draft_id", "kept"]) {
    const input = document.createElement("input");
    Object.assign(input, { type: "hidden", name });
    form.append(input);
  }
  form.elements.draft_id.value = page.id;
  pages.set(form, page);
}

function typed(form, page, submitter) {
  page.number += 1;
  const address = new URL(form.action).pathname;
  return { id: page.id, number: page.number, address, title: title(), fields: written(form, submitter) };
}

// What its author finds it by: the form, and the patient where there is one.
function title() {
  const form = document.title.replace(/ – Posta$/, "");
  const patient = document.querySelector(".banner__name")?.textContent.trim();
  return patient ? `${form} · ${patient}` : form;
}

const asked = () => fetch("/tablet/ping/", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });

export async function answers() {
  if (!navigator.onLine) return false;
  try {
    return (await asked()).ok;
  } catch {
    return false;
  }
}

async function keepDraft(form, page, leaving = false) {
  clearTimeout(page.timer);
  page.timer = page.since = 0;
  const now = written(form);
  if (page.done || now === page.last) return;
  page.last = now;
  const draft = typed(form, page);
  reached = await onLaptop(form, draft, leaving);
  if (!reached && !page.done) await keep("draft", page.id, draft, pass()).catch(() => {});
}

async function onLaptop(form, draft, leaving) {
  try {
    const answer = await fetch("/tablet/drafts/", {
      method: "POST",
      keepalive: leaving,
      headers: { "Content-Type": "application/json", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
      body: JSON.stringify(draft),
      signal: AbortSignal.timeout(PATIENCE),
    });
    return answer.ok || answer.status === 400;
  } catch {
    return false;
  }
}

function touched(event) {
  const form = event.target.form;
  const page = pages.get(form);
  if (!page) return;
  page.since ||= Date.now();
  clearTimeout(page.timer);
  const pause = Math.max(0, Math.min(reached && navigator.onLine ? QUIET : WITHOUT_WIFI, page.since + LONGEST - Date.now()));
  page.timer = setTimeout(() => keepDraft(form, page), pause);
}

async function submitted(event) {
  const form = event.target;
  const page = pages.get(form);
  if (!page || event.defaultPrevented || page.done) return;
  event.preventDefault();
  if (page.asking) return;
  page.asking = true;
  const { submitter } = event;
  submitter?.setAttribute("aria-busy", "true");
  const reached = await answers();
  page.done = true;
  clearTimeout(page.timer);
  if (reached) {
    const { fields, address, ...about } = typed(form, page, submitter);
    form.elements.kept.value = JSON.stringify({ ...about, pass: pass() });
    form.requestSubmit(submitter);
  } else {
    await keepSave(form, page, submitter);
  }
}

async function keepSave(form, page, submitter) {
  try {
    await keep("save", form.elements.save_id.value, typed(form, page, submitter), pass());
    document.querySelector("main").replaceChildren(); // nothing to read from now on, wherever the next page comes from
    document.querySelector(".banner")?.remove();
    if (navigator.serviceWorker.controller) location.replace("/tablet/without-laptop/kept/");
  } catch {
    page.done = page.asking = false; // it stays on the screen
    submitter?.removeAttribute("aria-busy");
    document.getElementById("kept")?.dispatchEvent(new Event("posta:unkept"));
  }
}

// Every other form stays where it is while the laptop does not answer: leaving the page would lose what was typed.
async function held(event) {
  const form = event.target;
  if (event.defaultPrevented || pages.has(form) || answered.delete(form) || !mayLose(form)) return;
  event.preventDefault();
  if (asking.has(form)) return;
  asking.add(form);
  const { submitter } = event;
  submitter?.setAttribute("aria-busy", "true");
  const there = await asked().then(() => true, () => false); // whatever it says: a form may be for strangers
  asking.delete(form);
  tellHere(!there);
  if (there) {
    answered.add(form);
    form.requestSubmit(submitter);
  } else {
    submitter?.removeAttribute("aria-busy");
  }
}

function mayLose(form) {
  return pass() && form.method === "post" && !form.matches("[hx-post], [hx-get]") && form.querySelector(ANSWERS);
}

function tellHere(shown) {
  const line = document.getElementById("kept");
  const said = line?.querySelector("[data-kept=here]");
  if (!said || (said.hidden && !shown)) return;
  said.hidden = !shown;
  line.hidden = ![...line.children].some((part) => !part.hidden);
  if (shown) said.scrollIntoView({ block: "center" });
}

export function watch() {
  for (const form of document.querySelectorAll("form[data-draft]")) begin(form);
  document.addEventListener("input", touched);
  document.addEventListener("change", touched);
  document.addEventListener("submit", submitted, true);
  document.addEventListener("submit", held, true);
  const leaving = () => {
    for (const [form, page] of pages) keepDraft(form, page, true);
  };
  window.addEventListener("pagehide", leaving);
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && leaving());
  // Somebody leaves on purpose, or the screen locks: what was just typed is kept while the log-in still holds.
  document.addEventListener("posta:leaving", (event) => {
    for (const [form, page] of pages) event.detail.push(keepDraft(form, page));
  });
  // Back from the next page, or the save came to nothing: it may be sent again.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) for (const page of pages.values()) page.done = page.asking = false;
  });
}
