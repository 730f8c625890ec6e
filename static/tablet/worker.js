// The service worker: pages for when the laptop does not answer, and a Save that met no Wi-Fi. It keeps no other page.
// `self.posta` (name of the cache, its files) is written above by clinic/tablet/worker.py.

import { announce, keep, send } from "/static/tablet/outbox.js";
import { fact, setFact } from "/static/tablet/store.js";

const PAGE = (why) => `/tablet/without-laptop/${why}/`;
const PAGES = ["lost", "unsent", "kept", "left"].map(PAGE);
// What ends at the laptop before the next page, if it could not be reached: the log-in, or only this turn of a shift.
const LEAVING = { "/account/logout/": { why: "logout" }, "/switch/": { why: "idle" } };
const PATIENCE = 20_000;

async function store() {
  const cache = await caches.open(self.posta.cache);
  await cache.addAll([...PAGES, ...self.posta.files].map((address) => new Request(address, { cache: "no-cache" })));
}

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(store());
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) if (name !== self.posta.cache) await caches.delete(name);
      await self.clients.claim();
    })(),
  );
});

self.addEventListener("sync", (event) => {
  if (event.tag === "posta-outbox") event.waitUntil(send());
});

self.addEventListener("message", (event) => {
  if (event.data === "language") event.waitUntil(store().catch(() => {}));
  if (event.data === "claim") event.waitUntil(self.clients.claim());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (origin !== location.origin) return;
  if (request.mode === "navigate") event.respondWith(page(request, pathname));
  else if (self.posta.files.includes(pathname)) event.respondWith(fetch(request).catch(() => kept(request)));
});

const kept = async (what) => (await caches.match(what, { ignoreVary: true })) ?? Response.error();
const to = (why) => Response.redirect(PAGE(why), 303);

function inTime(request) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer")), PATIENCE);
  });
  return Promise.race([fetch(request), late]).finally(() => clearTimeout(timer));
}

async function page(request, pathname) {
  if (PAGES.includes(pathname)) return kept(pathname);
  if ((await fact("left")) && !(await leave())) return to("left");
  const copy = request.method === "POST" ? request.clone() : null;
  try {
    return await inTime(request);
  } catch {
    if (copy && LEAVING[pathname]) return askedToLeave(LEAVING[pathname]);
    return copy ? to(await keepPosted(copy, pathname)) : kept(PAGE("lost"));
  }
}

// A Save that found Wi-Fi when it was tapped and lost it on the way. Whether the laptop had it, its save id knows.
async function keepPosted(request, address) {
  const posted = new URLSearchParams(await request.text());
  const { pass, id, number, title } = JSON.parse(posted.get("kept") ?? "{}");
  if (!pass) return "unsent";
  for (const name of ["kept", "csrfmiddlewaretoken"]) posted.delete(name);
  try {
    await keep("save", posted.get("save_id"), { id, number, address, title, fields: posted.toString() }, pass);
    return "kept";
  } catch {
    return "unsent";
  }
}

// Nobody can end the log-in at the laptop now: the tablet shows nothing more, and ends it before the next page.
async function askedToLeave(how) {
  await setFact("left", how);
  announce("left");
  return to("left");
}

async function leave() {
  try {
    const body = new URLSearchParams(await fact("left"));
    const answer = await fetch("/tablet/leave/", { method: "POST", body, signal: AbortSignal.timeout(PATIENCE) });
    if (answer.ok) await setFact("left", false);
    return answer.ok;
  } catch {
    return false;
  }
}
