// What was saved without Wi-Fi: sealed, counted, sent once. Used by pages and by the service worker alike.

import { prove } from "./identity.js";
import { seal } from "./seal.js";
import { change, fact, items, putItem } from "./store.js";

const AT_ONCE = 10;
const PATIENCE = 30_000;
const WAITS = new Set(["later", "prove"]);
const GONE = new Set(["saved", "already", "kept", "draft"]);
const channel = new BroadcastChannel("posta-kept");

export async function count() {
  const all = await items();
  const stuck = all.filter((item) => item.stuck).length;
  const drafts = all.filter((item) => item.kind === "draft" && !item.stuck).length;
  return { saves: all.length - stuck - drafts, drafts, stuck };
}

export function onChange(told) {
  channel.addEventListener("message", (event) => told(event.data));
}

function tell(message) {
  channel.postMessage(message);
  const heard = new BroadcastChannel("posta-kept"); // a channel does not hear itself
  heard.postMessage(message);
  heard.close();
}

export const announce = tell;

// `typed`: id (of the draft), number, address, title, fields; `pass` of whoever typed it.
export async function keep(kind, id, typed, pass) {
  const known = await fact("laptop");
  if (!known || !pass) throw new Error("this tablet does not know its laptop yet");
  const facts = { kind, id, author: known.author, tablet: known.tablet, at: Date.now() + known.ahead, key: known.key_id };
  await putItem(await seal(known.key, facts, { ...typed, pass }));
  tell({ kept: kind });
  await globalThis.registration?.sync?.register("posta-outbox").catch(() => {});
}

export function send(again = false) {
  return navigator.locks.request("posta-outbox", { ifAvailable: true }, (lock) => (lock ? sendAll(again) : null));
}

async function sendAll(again) {
  const waiting = (await items()).filter((item) => again || !item.stuck);
  const came = { saved: 0, kept: 0, draft: 0, conflicted: 0 };
  for (let at = 0; at < waiting.length; at += AT_ONCE) {
    const answers = await bring(waiting.slice(at, at + AT_ONCE));
    if (!answers) break;
    for (const answer of answers) await settle(waiting.find((item) => item.id === answer.id), answer, came);
  }
  if (waiting.length) tell({ came });
  return came;
}

// Where the laptop is not sure that it is this very tablet, the tablet shows its key and brings the same once more.
async function bring(some) {
  const answers = await post(some);
  if (!answers?.some((answer) => answer.state === "prove")) return answers;
  return (await prove().catch(() => false)) ? post(some) : answers;
}

async function post(some) {
  try {
    const answer = await fetch("/tablet/outbox/", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(some.map(({ stuck, ...item }) => item)),
      signal: AbortSignal.timeout(PATIENCE),
    });
    return answer.ok ? (await answer.json()).answers : null;
  } catch {
    return null;
  }
}

async function settle(item, answer, came) {
  if (!item) return;
  if (GONE.has(answer.state)) {
    await change(item, null);
    came[answer.state === "already" ? "saved" : answer.state] += 1;
    if (answer.conflicted) came.conflicted += 1;
  } else if (!WAITS.has(answer.state)) {
    await change(item, { ...item, stuck: answer.state });
  }
}
