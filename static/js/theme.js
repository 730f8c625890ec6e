// Light, dark, high contrast: kept in a cookie, so that the server writes the right page at once and nothing flashes.

const COOKIE = "posta_theme";
const YEAR = 60 * 60 * 24 * 365;
const group = document.querySelector("[data-theme-switch]");
const buttons = [...document.querySelectorAll("[data-theme-choice]")];

function mark() {
  const chosen = document.documentElement.dataset.theme ?? "";
  for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.themeChoice === chosen));
}

for (const button of buttons) {
  button.addEventListener("click", () => {
    const choice = button.dataset.themeChoice;
    if (choice) document.documentElement.dataset.theme = choice;
    else delete document.documentElement.dataset.theme;
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `${COOKIE}=${choice}; path=/; max-age=${choice ? YEAR : 0}; samesite=lax${secure}`;
    mark();
  });
}
if (group) {
  group.hidden = false;
  mark();
}
