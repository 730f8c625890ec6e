// The seal: HPKE (RFC 9180; P-256, HKDF-SHA256, AES-256-GCM, base mode), the tablet's half. Only the laptop opens it.
// What it opens to, and the other half: clinic/tablet/sealing.py.

const PURPOSE = "posta tablet 1";
const KEM = [0x4b, 0x45, 0x4d, 0x00, 0x10]; // "KEM", P-256 with HKDF-SHA256
const HPKE = [0x48, 0x50, 0x4b, 0x45, 0x00, 0x10, 0x00, 0x01, 0x00, 0x02]; // "HPKE", P-256, HKDF-SHA256, AES-256-GCM
const BLOCK = 1024; // lengths say little about what was typed
const text = new TextEncoder();

function joined(...parts) {
  const bytes = parts.map((part) => (typeof part === "string" ? text.encode(part) : Uint8Array.from(part)));
  const all = new Uint8Array(bytes.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of bytes) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

async function hmac(key, data) {
  const bytes = key.length ? key : new Uint8Array(32);
  const imported = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, data));
}

const extract = (suite, salt, label, input) => hmac(salt, joined("HPKE-v1", suite, label, input));

async function expand(suite, secret, label, info, length) {
  return (await hmac(secret, joined([0, length], "HPKE-v1", suite, label, info, [1]))).slice(0, length); // ≤ one block
}

export function fromBase64(coded) {
  return Uint8Array.from(atob(coded.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
}

function toBase64(bytes) {
  let letters = "";
  for (const byte of bytes) letters += String.fromCharCode(byte);
  return btoa(letters);
}

async function shared(theirs) {
  const curve = { name: "ECDH", namedCurve: "P-256" };
  const pair = await crypto.subtle.generateKey(curve, true, ["deriveBits"]);
  const ours = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const other = await crypto.subtle.importKey("raw", theirs, curve, false, []);
  const point = new Uint8Array(await crypto.subtle.deriveBits({ name: "ECDH", public: other }, pair.privateKey, 256));
  const secret = await expand(KEM, await extract(KEM, [], "eae_prk", point), "shared_secret", joined(ours, theirs), 32);
  return { ours, secret };
}

async function encrypted(theirs, info, plain) {
  const { ours, secret } = await shared(theirs);
  const about = joined([0], await extract(HPKE, [], "psk_id_hash", []), await extract(HPKE, [], "info_hash", info));
  const root = await extract(HPKE, secret, "secret", []);
  const key = await crypto.subtle.importKey("raw", await expand(HPKE, root, "key", about, 32), "AES-GCM", false, ["encrypt"]);
  const iv = await expand(HPKE, root, "base_nonce", about, 12);
  return joined(ours, new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, plain)));
}

// `facts`: kind, id, author, tablet, at, key (its id). They lie in clear beside the ciphertext, and are bound to it.
export async function seal(publicKey, facts, typed) {
  const { kind, id, author, tablet, at, key } = facts;
  const info = text.encode([PURPOSE, kind, id, author, tablet, at, key].join("\n"));
  const plain = text.encode(JSON.stringify(typed));
  const padded = joined(plain, new Uint8Array((BLOCK - (plain.length % BLOCK)) % BLOCK).fill(0x20));
  return { kind, id, author, tablet, at, key, sealed: toBase64(await encrypted(fromBase64(publicKey), info, padded)) };
}
