// The live feed: parts of this page renew themselves when somebody else changes something. A part comes drawn for
// everybody; what is this tablet's own (its token, a fresh save id, "mine") is added here. A tablet that slept, or lost
// the Wi-Fi, says what it has and gets only what has changed since. Without the feed the parts ask every five seconds.

import { tell } from "./status.js";

const SILENT_MS = 40_000; // the laptop says at least "still here" every fifteen seconds
const ASK_MS = 5_000;
const { live: address, me } = document.body.dataset;
const headers = JSON.parse(document.body.getAttribute("hx-headers") ?? "{}");
const waiting = new Map();
let feed = null;
let shown = "";
let heard = Date.now();
let ticked = Date.now();
let ended = false;
let touching = false;

const parts = () => [...document.querySelectorAll("[data-live-part]")];

function connect() {
  feed?.close();
  const asked = parts();
  if (!address || !asked.length || ended) return;
  const names = asked.map((part) => part.dataset.livePart);
  const have = asked.map((part) => part.dataset.liveDigest || "-");
  shown = names.join();
  heard = Date.now();
  feed = new EventSource(`${address}?${new URLSearchParams({ parts: names.join(), have: have.join(".") })}`);
  feed.addEventListener("open", () => { heard = Date.now(); });
  feed.addEventListener("beat", () => { heard = Date.now(); tell(""); });
  feed.addEventListener("board", (event) => {
    heard = Date.now();
    tell("");
    for (const [name, part] of Object.entries(JSON.parse(event.data))) waiting.set(name, part);
    show();
  });
  feed.addEventListener("closed", (event) => {
    feed.close();
    ended = event.data === "login";
    if (ended) tell("login");
    else if (event.data === "again") connect();
  });
}

// Nothing moves under a finger: a row that slips away would make her tap the wrong person.
function show() {
  if (touching) return;
  for (const [name, { digest, html }] of waiting) {
    for (const part of parts()) {
      if (part.dataset.livePart !== name) continue;
      if (name === "status") window.htmx.swap(part, html, { swapStyle: "outerHTML" });
      else renew(part, html);
    }
    const now = document.querySelector(`[data-live-part="${name}"]`);
    if (now) now.dataset.liveDigest = digest;
  }
  waiting.clear();
}

function renew(part, html) {
  const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
  const open = [...part.querySelectorAll("details[open][id]")].map((details) => details.id);
  window.htmx.swap(part, html, { swapStyle: "innerHTML" });
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  own(part);
  if (focused) document.getElementById(focused)?.focus();
}

function own(part) {
  for (const form of part.querySelectorAll("form[method=post]")) {
    put(form, "csrfmiddlewaretoken", headers["X-CSRFToken"]);
    put(form, "save_id", crypto.randomUUID());
  }
  let mine = false;
  for (const row of part.querySelectorAll("[data-by]")) {
    const is = row.dataset.by === me;
    mine ||= is;
    row.classList.toggle("queue--mine", is && row.classList.contains("queue"));
    for (const one of row.querySelectorAll("[data-mine]")) one.hidden = !is;
    for (const one of row.querySelectorAll("[data-theirs]")) one.hidden = is;
    if (is && row.matches("li")) row.parentElement.prepend(row);
  }
  for (const next of part.querySelectorAll("[data-next]")) next.hidden = mine;
  const known = [...document.querySelectorAll(".banner .banner__alerts li")].map((one) => one.textContent.trim());
  for (const one of part.querySelectorAll("[data-alert]")) one.hidden = known.includes(one.textContent.trim());
  tick(part);
}

function put(form, name, value) {
  if (!value || form.elements.namedItem(name)) return;
  const field = document.createElement("input");
  Object.assign(field, { type: "hidden", name, value });
  form.prepend(field);
}

// How long somebody waits goes on while the page stands still; in the page's own language.
function tick(root = document) {
  const said = (unit) => new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit, unitDisplay: "short" });
  const [minutes, hours] = [said("minute"), said("hour")];
  for (const time of root.querySelectorAll("[data-tick] time")) {
    const passed = Math.max(0, Math.floor((Date.now() + ahead - Date.parse(time.dateTime)) / 60_000));
    if (passed >= 24 * 60) continue;
    const rest = minutes.format(passed % 60);
    time.textContent = passed < 60 ? rest : `${hours.format(Math.floor(passed / 60))} ${rest}`;
  }
}

// Tablets' clocks are wrong; the page says what time it is on the laptop.
const ahead = Number(document.body.dataset.now) ? Number(document.body.dataset.now) - Date.now() : 0;

function wake() {
  if (document.visibilityState === "visible" && !ended) connect();
}

function look() {
  const slept = Date.now() - ticked > 3 * ASK_MS;
  ticked = Date.now();
  if (slept) wake();
  if (feed?.readyState === EventSource.OPEN && Date.now() - heard < SILENT_MS) {
    if (shown !== parts().map((part) => part.dataset.livePart).join()) connect();
    return;
  }
  if (feed && feed.readyState === EventSource.OPEN) connect();
  for (const part of document.querySelectorAll("[data-live-part][hx-get]")) window.htmx.trigger(part, "refresh");
  if (feed?.readyState === EventSource.CLOSED) connect();
}

if (document.querySelector("[data-live-part]")) {
  connect();
  window.setInterval(look, ASK_MS);
  window.setInterval(tick, 15_000);
  document.addEventListener("visibilitychange", wake);
  window.addEventListener("online", wake);
  window.addEventListener("pageshow", (event) => { if (event.persisted) wake(); });
  window.addEventListener("pagehide", () => feed?.close());
  document.addEventListener("pointerdown", () => { touching = true; });
  for (const over of ["pointerup", "pointercancel"]) {
    document.addEventListener(over, () => { window.setTimeout(() => { touching = false; show(); }, 250); });
  }
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-reload]")) return;
    event.preventDefault();
    location.reload();
  });
}
