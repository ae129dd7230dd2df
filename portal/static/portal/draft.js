/* A step of a draft saves itself; the buttons do the same without this script. */
"use strict";

const IDLE_MS = 1500;

document.querySelectorAll("form[data-autosave]").forEach((form) => {
  const state = form.querySelector("[data-save-state]");
  let timer = 0;
  let running = false;
  let again = false;
  let stopped = false;

  const say = (text, kind) => {
    if (!state) return;
    state.textContent = text;
    state.dataset.kind = kind || "";
  };

  const mark = (errors) => {
    form.querySelectorAll("[data-autosave-error]").forEach((node) => node.remove());
    for (const [id, text] of Object.entries(errors || {})) {
      const group = document.getElementById(`${id}_error`);
      if (!group || group.textContent.trim()) continue;
      const line = document.createElement("p");
      line.className = "fr-message fr-message--error";
      line.dataset.autosaveError = "1";
      line.textContent = text;
      group.append(line);
    }
  };

  const conflict = (text) => {
    stopped = true;
    say(`${text} `, "error");
    const button = document.createElement("button");
    button.className = "fr-btn fr-btn--sm";
    button.type = "submit";
    button.name = "save";
    button.value = "1";
    button.textContent = form.dataset.labelCompare;
    state?.append(button);
  };

  const save = async () => {
    clearTimeout(timer);
    if (stopped) return;
    if (running) {
      again = true;
      return;
    }
    running = true;
    say(form.dataset.labelSaving);
    try {
      const response = await fetch(form.action || window.location.href, {
        method: "POST",
        body: new FormData(form),
        headers: { "X-Autosave": "1", Accept: "application/json" },
        redirect: "error",
      });
      const answer = await response.json();
      if (response.status === 409) {
        conflict(answer.conflict || answer.error);
      } else if (response.ok) {
        form.elements.revision.value = answer.revision;
        form.elements.base.value = answer.base;
        mark(answer.errors);
        say(answer.saved, Object.keys(answer.errors).length ? "partial" : "saved");
        if (!again) form.dispatchEvent(new Event("guichet:saved"));
      } else {
        throw new Error(String(response.status));
      }
    } catch {
      say(form.dataset.labelFailed, "error");
    }
    running = false;
    if (again) {
      again = false;
      schedule();
    }
  };

  const schedule = () => {
    if (stopped) return;
    if (!running) say(form.dataset.labelUnsaved);
    clearTimeout(timer);
    timer = setTimeout(save, IDLE_MS);
  };

  form.addEventListener("input", schedule);
  form.addEventListener("change", schedule);
  form.addEventListener("submit", () => {
    stopped = true;
    clearTimeout(timer);
  });
});
