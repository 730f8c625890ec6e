// Coded questions: a tap on a suggestion fills the line above it. Typing the code itself works without this.

document.addEventListener("click", (event) => {
  const choice = event.target.closest?.("[data-coded-value]");
  if (!choice) return;
  const line = document.getElementById(choice.dataset.codedFor);
  if (!line) return;
  line.value = choice.dataset.codedValue;
  choice.closest("[data-coded-list]")?.replaceChildren();
  line.dispatchEvent(new Event("change", { bubbles: true }));
  line.focus({ preventScroll: true });
});
