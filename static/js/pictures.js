// Choosing a picture or a file: what cannot be sent is said beside the field, and the rest of the form stays as it is.

const part = (picker, name) => picker.querySelector(`[data-picker-${name}]`);

function show(picker, name) {
  for (const one of ["lost", "large", "busy"]) part(picker, one).hidden = one !== name;
}

// Too large for the laptop: not worth the minute it would take to get there.
document.addEventListener("change", (event) => {
  const picker = event.target.closest("[data-picker]");
  if (!picker || event.target.type !== "file") return;
  const [file] = event.target.files;
  if (file && file.size > Number(picker.dataset.largest)) {
    event.stopImmediatePropagation();
    event.target.value = "";
    show(picker, "large");
  }
}, true);

document.body.addEventListener("htmx:beforeRequest", (event) => {
  const picker = event.target.closest("[data-picker]");
  if (picker) show(picker, "busy");
});
for (const failure of ["htmx:sendError", "htmx:timeout", "htmx:responseError", "htmx:sendAbort"]) {
  document.body.addEventListener(failure, (event) => {
    const picker = event.target.closest("[data-picker]");
    if (!picker) return;
    picker.querySelector("[type=file]").value = "";
    show(picker, failure === "htmx:sendAbort" ? "" : "lost");
  });
}

// The answer has changed, though nobody typed: drafts and rules hear of it.
document.body.addEventListener("htmx:load", (event) => {
  const { elt } = event.detail;
  if (!elt.matches?.("[data-picker]")) return;
  elt.querySelector("input[type=hidden]")?.dispatchEvent(new Event("change", { bubbles: true }));
  elt.querySelector("[type=file]").focus({ preventScroll: true });
});
