// The status line stays honest: when the laptop does not answer it says so, instead of showing an old number.

const POLLED = "#status-line, #sync-progress, #queue";

export function tell(reason) {
  const line = document.getElementById("status-line");
  if (!line) return;
  for (const words of line.querySelectorAll("[data-lost]")) words.hidden = words.dataset.lost !== reason;
  const link = document.getElementById("status-link");
  if (link) link.hidden = Boolean(reason);
}

for (const failure of ["htmx:sendError", "htmx:timeout"]) {
  document.body.addEventListener(failure, () => tell("link"));
}
document.body.addEventListener("htmx:responseError", (event) => {
  if (!event.detail.target.matches(POLLED)) return;
  tell([401, 403].includes(event.detail.xhr.status) ? "login" : "link");
});
window.addEventListener("offline", () => tell("link"));

// A poll that ends on the log-in page must not be put into the page a person is still typing in.
document.body.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, pathInfo, target } = event.detail;
  if (!target.matches(POLLED)) return;
  const asked = new URL(pathInfo.requestPath, location.href).pathname;
  const answered = xhr.responseURL ? new URL(xhr.responseURL, location.href).pathname : asked;
  if (asked !== answered) {
    event.detail.shouldSwap = false;
    tell("login");
  } else if (event.detail.shouldSwap && target.id !== "status-line") {
    tell("");
  }
});
