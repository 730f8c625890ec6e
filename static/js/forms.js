// Forms: one tap is one save, and one more row of numbers. The server is safe without this: a save id is spent once.

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]") || event.defaultPrevented) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  event.submitter?.setAttribute("aria-busy", "true");
});

// Back from the next page: the form may be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  for (const button of document.querySelectorAll("[aria-busy=true]")) button.removeAttribute("aria-busy");
});

for (const box of document.querySelectorAll("[data-repeat]")) {
  const button = box.querySelector("[data-repeat-add]");
  const total = box.querySelector("input[name$=TOTAL_FORMS]");
  const pattern = box.querySelector("[data-repeat-empty]");
  const rows = box.querySelector("[data-repeat-rows]");
  if (!button || !total || !pattern || !rows) continue;
  button.hidden = false;
  button.addEventListener("click", () => {
    const added = pattern.content.firstElementChild.cloneNode(true);
    for (const part of [added, ...added.querySelectorAll("*")]) {
      for (const said of part.attributes) said.value = said.value.replaceAll("__prefix__", total.value);
    }
    total.value = String(Number(total.value) + 1);
    rows.append(added);
    added.querySelector("select, input:not([type=hidden])")?.focus();
  });
}

// Rules answer while somebody types: what was typed since the question was asked stays, and so does the place. A question
// may go and come back between two letters; its place and its words wait until somebody goes on elsewhere.
const REPLACED = ".field[id^=box-]";
let place = null; // {id, value}: where somebody was typing when the question was replaced
let searched = null; // a coded question that was replaced while somebody typed: its search went with it

function written(box) {
  return [...box.querySelectorAll("input:not([type=hidden]), textarea, select")];
}

const isTapped = (one) => ["radio", "checkbox"].includes(one.type);

document.body.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target: shown, fragment } = event.detail;
  const box = fragment.firstElementChild;
  if (!shown?.matches(REPLACED) || !box) return;
  const typing = document.activeElement;
  if (shown.contains(typing) && typing.id) place = { id: typing.id, value: isTapped(typing) ? null : typing.value };
  if (typing?.closest("[data-coded]") && shown.contains(typing)) searched = typing.id;
  const back = "settled" in shown.dataset && place?.value && written(box).find((one) => one.id === place.id);
  if (back) back.value = place.value;
  if ("settled" in box.dataset || "settled" in shown.dataset) return;
  for (const before of written(shown)) {
    const after = written(box).find((one) => one.id === before.id);
    if (!after) continue;
    if (isTapped(before)) after.checked = before.checked;
    else after.value = before.value;
  }
});

document.body.addEventListener("htmx:afterSettle", () => {
  const again = place && document.activeElement === document.body && document.getElementById(place.id);
  if (again && again.type !== "hidden" && again.checkVisibility()) {
    again.focus({ preventScroll: true });
    if (typeof again.selectionStart === "number") again.setSelectionRange(again.value.length, again.value.length);
  }
  if (!searched) return;
  const id = searched;
  searched = null;
  setTimeout(() => document.getElementById(id)?.dispatchEvent(new Event("search-again")), 50);
});

// Somebody is where they were, or has gone on.
for (const sign of ["focusin", "pointerdown"]) document.addEventListener(sign, () => { place = null; });

// "Use this tablet's position": two numbers less to type.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-locate]");
  if (!button) return;
  const boxes = written(button.closest(".field"));
  const failed = button.parentElement.querySelector("[data-locate-failed]");
  button.setAttribute("aria-busy", "true");
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      boxes[0].value = coords.latitude.toFixed(6);
      boxes[1].value = coords.longitude.toFixed(6);
      button.removeAttribute("aria-busy");
      failed.hidden = true;
      boxes[1].dispatchEvent(new Event("change", { bubbles: true }));
    },
    () => {
      button.removeAttribute("aria-busy");
      failed.hidden = false;
    },
    { enableHighAccuracy: true, timeout: 20000, maximumAge: 60000 },
  );
});
if (navigator.geolocation) {
  for (const button of document.querySelectorAll("[data-locate]")) button.hidden = false;
}
