// Small manners of every page: menus close, an error summary is where the reader starts, a hidden answer opens.

for (const menu of document.querySelectorAll("#menu, #nav-more")) {
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.open) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
}

const first = document.getElementById("error-summary") ?? document.getElementById("likely");
if (first) {
  first.focus();
  if (first.id === "error-summary") document.title = `! ${document.title}`;
}

for (const part of document.querySelectorAll("[data-shown-by]")) {
  const opener = document.getElementById(part.dataset.shownBy);
  const show = () => { part.hidden = !opener.checked; };
  opener?.form.addEventListener("change", show);
  if (opener) show();
}

// A search that got no answer is asked again: typed before htmx listened, or swallowed by the Wi-Fi. Nobody would
// look for that, and take the silence for "nobody found".
const PATIENCE = 1_500;
const MOST_PATIENCE = 24_000;

function askAgain(box) {
  let answered = box.defaultValue;
  let asking = 0;
  let timer;
  const ask = () => {
    if (box.value === answered) return false;
    if (!asking) window.htmx?.trigger(box.form, "submit");
    return true;
  };
  const look = (pause) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (ask()) look(Math.min(pause * 2, MOST_PATIENCE));
    }, pause);
  };
  document.addEventListener("htmx:load", ask, { once: true });
  box.addEventListener("input", () => look(PATIENCE));
  box.form.addEventListener("htmx:beforeRequest", () => { asking += 1; });
  box.form.addEventListener("htmx:afterRequest", ({ detail }) => {
    asking -= 1;
    const asked = new URL(detail.pathInfo.finalRequestPath, location.href).searchParams.get(box.name);
    if (detail.successful) answered = asked;
  });
  look(PATIENCE);
}

for (const box of document.querySelectorAll("form[hx-get] input[type=search]")) askAgain(box);
