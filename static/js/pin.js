// The number pad: big keys for gloves, the keyboard as well, and the sixth digit sends.

const form = document.querySelector("[data-pin-form]");
const field = form?.querySelector("[data-pin]");
const pad = form?.querySelector("[data-pad]");
const LENGTH = 6;

function full() {
  if (field.value.length === LENGTH) form.requestSubmit();
}

if (field && pad) {
  pad.hidden = false;
  // The tablet's own keyboard would cover the pad; keys of a real one still arrive.
  if (matchMedia("(pointer: coarse)").matches) field.inputMode = "none";
  field.focus();
  field.addEventListener("input", full);
  pad.addEventListener("click", (event) => {
    const key = event.target.closest("[data-digit]");
    if (!key || form.dataset.sent) return;
    const { digit } = key.dataset;
    field.value = digit ? (field.value + digit).slice(0, LENGTH) : field.value.slice(0, -1);
    full();
  });
}
