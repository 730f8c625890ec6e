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

// Who is quick types before htmx listens: nobody would look for that, and the page would stay silent.
document.addEventListener(
  "htmx:load",
  () => {
    for (const box of document.querySelectorAll("form[hx-get] input[type=search]")) {
      if (box.value !== box.defaultValue) window.htmx.trigger(box.form, "submit");
    }
  },
  { once: true },
);

// A search that got no answer is asked again, be it swallowed by the Wi-Fi or by a page that was still busy.
const PATIENCE = 1_500;
const MOST_PATIENCE = 24_000;

function askAgain(box) {
  let answered = box.defaultValue;
  let asking = 0;
  let timer;
  const look = (pause) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (box.value === answered) return;
      if (!asking) window.htmx?.trigger(box.form, "submit");
      look(Math.min(pause * 2, MOST_PATIENCE));
    }, pause);
  };
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
