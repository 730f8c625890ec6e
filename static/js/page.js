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
