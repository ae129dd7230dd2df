/* Long lists of choices: filter what is shown, tick or untick what is shown. */
"use strict";

const fold = (text) =>
  text
    .normalize("NFD")
    .replace(/\p{Diacritic}/gu, "")
    .toLowerCase();

document.querySelectorAll("[data-filter]").forEach((input) => {
  const list = document.querySelector(input.dataset.filter);
  if (!list) return;
  const items = [...list.children].map((item) => [item, fold(item.textContent)]);
  input.addEventListener("input", () => {
    const words = fold(input.value).split(/\s+/).filter(Boolean);
    items.forEach(([item, text]) => {
      item.hidden = !words.every((word) => text.includes(word));
    });
  });
  /* Enter filters, it does not send the form. */
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });
});

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-check], [data-uncheck]");
  if (!button) return;
  const list = document.querySelector(button.dataset.check || button.dataset.uncheck);
  list?.querySelectorAll("li:not([hidden]) input[type=checkbox]").forEach((box) => {
    box.checked = Boolean(button.dataset.check);
    box.dispatchEvent(new Event("input", { bubbles: true }));
  });
});
