// The pharmacy: the difference beside a count. It only repeats what the server knows.

for (const row of document.querySelectorAll("[data-count]")) {
  const input = row.querySelector("input:not([type=hidden])");
  const output = row.querySelector("output");
  const tell = () => {
    const number = Number(input.value.trim());
    const known = input.value.trim() !== "" && Number.isFinite(number);
    const difference = number - Number(row.dataset.count);
    output.textContent = known ? `${difference > 0 ? "+" : ""}${difference}` : "";
    row.classList.toggle("count--differs", known && difference !== 0);
  };
  input?.addEventListener("input", tell);
  if (input) tell();
}
