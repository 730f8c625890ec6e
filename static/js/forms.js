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
    const row = document.createElement("template");
    row.innerHTML = pattern.innerHTML.replaceAll("__prefix__", total.value);
    total.value = String(Number(total.value) + 1);
    const added = row.content.firstElementChild;
    rows.append(added);
    added.querySelector("select, input:not([type=hidden])")?.focus();
  });
}
