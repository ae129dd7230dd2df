/* Small helps, all optional: every page works without them. */
"use strict";

document.documentElement.classList.add("has-js");

/* A form sent twice by a double click is sent once. */
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !form.hasAttribute("data-submit-once")) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "1";
  form.setAttribute("aria-busy", "true");
});
window.addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-sent]").forEach((form) => {
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
  });
});

/* The summary of errors takes the focus, so that it is read first. */
document.querySelector(".portal-errors")?.focus();

/* A list that filters as soon as a choice is made. */
document.addEventListener("change", (event) => {
  const form = event.target.closest?.("form[data-submit-on-change]");
  if (form) form.requestSubmit();
});

/* Copy buttons: data-copy="#id of the element". */
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  const source = document.querySelector(button.dataset.copy);
  if (!source) return;
  await navigator.clipboard.writeText(source.value ?? source.textContent.trim());
  const label = button.textContent;
  button.textContent = button.dataset.copied || "✓";
  setTimeout(() => {
    button.textContent = label;
  }, 2000);
});

/* Show or hide a password. */
document.querySelectorAll("input[type=password]").forEach((input) => {
  const label = input.dataset.showLabel;
  if (!label) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "fr-btn fr-btn--sm fr-btn--tertiary-no-outline";
  button.textContent = label;
  button.setAttribute("aria-pressed", "false");
  button.setAttribute("aria-controls", input.id);
  button.addEventListener("click", () => {
    const shown = input.type === "text";
    input.type = shown ? "password" : "text";
    button.setAttribute("aria-pressed", String(!shown));
  });
  input.after(button);
});

/* Leaving a page with unsaved changes asks first: form[data-warn-unsaved]. */
document.querySelectorAll("form[data-warn-unsaved]").forEach((form) => {
  let changed = false;
  form.addEventListener("input", () => {
    changed = true;
  });
  form.addEventListener("submit", () => {
    changed = false;
  });
  form.addEventListener("guichet:saved", () => {
    changed = false;
  });
  window.addEventListener("beforeunload", (event) => {
    if (changed) event.preventDefault();
  });
});
