// Who this tablet is: a key of its own that never leaves it (WebCrypto, not extractable), and showing it to the laptop
// now and then. The laptop's half: registry/tablets/proofs.py.

import { fact, setFact } from "./store.js";

const PURPOSE = "posta tablet key 1";
const EVERY = 10 * 60_000;
const LOOK = 60_000;
const PATIENCE = 20_000;
const CURVE = { name: "ECDSA", namedCurve: "P-256" };
const ADDRESS = "/tablet/proof/";

function toBase64(bytes) {
  let letters = "";
  for (const byte of new Uint8Array(bytes)) letters += String.fromCharCode(byte);
  return btoa(letters);
}

async function challenge() {
  const answer = await fetch(ADDRESS, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  return (await answer.json()).challenge;
}

async function answered({ key, keyId }) {
  const asked = await challenge();
  const said = new TextEncoder().encode([PURPOSE, location.origin, asked, keyId].join("\n"));
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, said);
  return { challenge: asked, signature: toBase64(signature), key_id: keyId };
}

// Not cut off when the page goes: the cookie that comes back is the one that counts from then on.
const post = (address, said) =>
  fetch(address, {
    method: "POST",
    keepalive: true,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(said),
    signal: AbortSignal.timeout(PATIENCE),
  });

async function proveNow() {
  const me = await fact("identity");
  if (!me) return false;
  const answer = await post(ADDRESS, await answered(me));
  if (answer.ok) await setFact("proved", Date.now());
  return answer.ok;
}

// One page at a time: of two proofs the first one's cookie would be the copy.
export const prove = () => navigator.locks.request("posta-proof", proveNow);

async function proveInTime() {
  if (document.visibilityState === "hidden" || !(await fact("identity"))) return;
  await navigator.locks.request("posta-proof", async () => {
    const age = Math.abs(Date.now() - ((await fact("proved")) ?? 0));
    if (age > EVERY) await proveNow();
  });
}

export function stayKnown() {
  const look = () => proveInTime().catch(() => {});
  look();
  setInterval(look, LOOK);
  document.addEventListener("visibilitychange", look);
  window.addEventListener("online", look);
  document.body.addEventListener("posta:prove", () => prove().catch(() => {}));
}

async function newIdentity() {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(CURVE, false, ["sign", "verify"]);
  const point = await crypto.subtle.exportKey("raw", publicKey);
  const name = toBase64(await crypto.subtle.digest("SHA-256", point));
  return { key: privateKey, public: toBase64(point), keyId: name.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "") };
}

// Kept before it is sent: when the answer is lost, the same key comes again with the same code.
export async function join(code, label) {
  const me = (await fact("newcomer")) ?? (await newIdentity());
  await setFact("newcomer", me);
  const answer = await post("/tablet/join/", { ...(await answered(me)), code, label, public: me.public });
  const said = await answer.json();
  if (answer.ok) {
    await setFact("identity", { key: me.key, keyId: me.keyId });
    await setFact("newcomer", null);
    await setFact("proved", Date.now());
    await navigator.storage?.persist?.();
  }
  return { ok: answer.ok, ...said };
}
