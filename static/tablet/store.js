// What lies on the tablet: sealed items (ciphertext and ids) and what is needed to seal more. Nothing readable of a patient.

const NAME = "posta";
const WAITING = "waiting";
const FACTS = "facts";
let opening;

function open() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(WAITING, { keyPath: "id" });
      request.result.createObjectStore(FACTS);
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opening;
}

async function within(store, mode, work) {
  const database = await open();
  return new Promise((resolve, reject) => {
    // Strict: on the tablet's disk before anybody is told that it is kept.
    const transaction = database.transaction(store, mode, { durability: "strict" });
    const request = work(transaction.objectStore(store));
    transaction.oncomplete = () => resolve(request?.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

export const fact = (name) => within(FACTS, "readonly", (store) => store.get(name));
export const setFact = (name, value) => within(FACTS, "readwrite", (store) => store.put(value, name));
export const putItem = (item) => within(WAITING, "readwrite", (store) => store.put(item));

export async function items() {
  return (await within(WAITING, "readonly", (store) => store.getAll())).sort((one, other) => one.at - other.at);
}

// Only the very thing that was sent goes: it may have been sealed anew meanwhile.
export function change(item, after) {
  return within(WAITING, "readwrite", (store) => {
    const request = store.get(item.id);
    request.onsuccess = () => {
      if (request.result?.sealed !== item.sealed) return;
      if (after) store.put(after);
      else store.delete(item.id);
    };
  });
}
