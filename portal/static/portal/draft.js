/* A step of a draft saves itself; the buttons do the same without this script. */
"use strict";

const IDLE_MS = 1500;

document.querySelectorAll("form[data-autosave]").forEach((form) => {
  const state = form.querySelector("[data-save-state]");
  let timer = 0;
  let running = false;
  let again = false;
  let stopped = false;
  let ended = false;

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

  /* The token of a page made now; empty when one must log in again. Throws without a network. */
  const freshToken = async () => {
    const response = await fetch(window.location.href, { headers: { Accept: "text/html" } });
    if (response.redirected || !response.ok) return "";
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    return page.querySelector("main [name=csrfmiddlewaretoken]")?.value || "";
  };

  const askLogin = () => {
    ended = true;
    say(`${form.dataset.labelEnded} `, "error");
    const link = document.createElement("a");
    link.href = form.dataset.loginUrl;
    link.target = "_blank";
    link.rel = "noopener";
    link.textContent = form.dataset.labelLogin;
    state?.append(link);
  };

  const post = () =>
    fetch(form.action || window.location.href, {
      method: "POST",
      body: new FormData(form),
      headers: { "X-Autosave": "1", Accept: "application/json" },
      redirect: "manual",
    });

  /* Logging in again, in another tab, changes the token: the page takes the new one. */
  const send = async () => {
    const response = await post();
    if (response.type !== "opaqueredirect" && response.status !== 403) return response;
    const token = await freshToken();
    if (!token) return null;
    form.elements.csrfmiddlewaretoken.value = token;
    return post();
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
      const response = await send();
      const answer = response && (await response.json());
      if (!response) {
        askLogin();
      } else if (response.status === 409) {
        conflict(answer.conflict || answer.error);
      } else if (response.status === 413) {
        say(answer.error, "error");
      } else if (response.ok) {
        ended = false;
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
  window.addEventListener("focus", () => {
    if (ended) save();
  });
  form.addEventListener("submit", (event) => {
    if (ended) {
      event.preventDefault();
      event.stopImmediatePropagation();
      save();
      return;
    }
    stopped = true;
    clearTimeout(timer);
  });
});
