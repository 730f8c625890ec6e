// Nobody touches the screen: it hides itself by its own clock, with or without Wi-Fi, and asks who is here. Whatever is
// left on purpose (*Switch person*, *Log out*) first keeps what was just typed.

const { idle, lock } = document.body.dataset;
const LIMIT = Number(idle) * 60_000;
const BEAT = 60_000;
const LOOK = 5_000;
const PATIENCE = 4_000;
const token = JSON.parse(document.body.getAttribute("hx-headers") ?? "{}")["X-CSRFToken"];
const tabs = new BroadcastChannel("posta-idle");
let touched = Date.now();
let told = Date.now();
let locked = false;

function touch() {
  if (locked) return;
  look(); // the first touch after a long sleep must find the lock, not the page
  if (locked) return;
  touched = Date.now();
}

function look() {
  const passed = Date.now() - touched;
  if (passed >= LIMIT) lockNow();
  else if (passed < 0) touched = Date.now(); // the tablet's clock was put back
  else if (touched > told && Date.now() - told >= BEAT) tell();
}

function tell() {
  told = Date.now();
  tabs.postMessage("touched");
  post(`${lock}touched/`).catch(() => {});
}

function post(address, fields = {}) {
  return fetch(address, {
    method: "POST",
    headers: { "X-CSRFToken": token },
    body: new URLSearchParams(fields),
    signal: AbortSignal.timeout(PATIENCE),
  });
}

function hide() {
  const page = document.getElementById("main");
  page.replaceChildren(document.getElementById("locked").content.cloneNode(true));
  page.className = "page page--narrow";
  document.body.replaceChildren(page);
  document.title = "Posta";
}

async function lockNow(ofAnother = false) {
  if (locked) return;
  locked = true;
  const address = location.pathname + location.search;
  const kept = keep();
  hide();
  if (!ofAnother) {
    tabs.postMessage("locked");
    await kept;
    try {
      const answer = await post(lock, { back_to: address });
      if (!answer.ok) throw new Error(answer.status);
    } catch {
      await later();
      return;
    }
  }
  location.replace(lock);
}

// The laptop does not answer: the log-in ends there before the next page, and until then this tablet shows nothing.
async function later() {
  if (!navigator.serviceWorker?.controller) return;
  const { setFact } = await import("../tablet/store.js");
  await setFact("left", { why: "idle" }); // not which page it was: nothing of a patient lies on the tablet
  location.replace("/tablet/without-laptop/left/");
}

// Forms add what they are still keeping.
function keep() {
  const work = [];
  document.dispatchEvent(new CustomEvent("posta:leaving", { detail: work }));
  return Promise.race([Promise.allSettled(work), new Promise((done) => { setTimeout(done, PATIENCE); })]);
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-leaves]") || form.dataset.kept) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  await keep();
  form.dataset.kept = "yes";
  setTimeout(() => form.requestSubmit()); // not within this very event: the form would not go
}, true);

// A page that comes back from memory may be somebody else's: never show it.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted || document.getElementById("kept")) return; // static/tablet/kept.js does it there
  document.documentElement.hidden = true;
  location.reload();
});

if (LIMIT) {
  for (const kind of ["pointerdown", "keydown", "wheel", "touchstart", "input"]) {
    document.addEventListener(kind, touch, { capture: true, passive: true });
  }
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && look());
  tabs.addEventListener("message", ({ data }) => {
    if (data === "locked") lockNow(true);
    else if (!locked) touched = told = Date.now();
  });
  setInterval(look, LOOK);
  tabs.postMessage("touched");
}
