// The command that a form stands for, shown while it is filled in; copying it; looking at sources again.
"use strict";
const form = document.querySelector("form[data-verb]");
const shown = document.getElementById("command"), complaint = document.getElementById("command-error");
// by getAttribute: a field that is called "dataset" hides the form's own
const guesses = form && form.getAttribute("data-guess");
let waiting = 0, asked = 0;

function entered() {
  return new URLSearchParams(new FormData(form));
}

async function showCommand() {
  const number = ++asked;
  let said;
  try {
    said = await (await fetch(`/command/${form.getAttribute("data-verb")}`, { method: "POST", body: entered() })).json();
  } catch {
    said = { command: "", error: "The studio does not answer." };
  }
  if (number !== asked) return;
  const code = document.createElement("code");
  code.textContent = said.command || "…";
  shown.replaceChildren(code);
  complaint.hidden = !said.error;
  complaint.textContent = said.error;
}

async function guessAgain() {
  const place = document.getElementById("guess");
  const answer = await fetch(guesses, { method: "POST", body: entered() });
  if (!answer.ok) return;
  const focused = document.activeElement && place.contains(document.activeElement) ? [document.activeElement.name, document.activeElement.value] : null;
  const kept = [...place.querySelectorAll("input:not([type])")].map((input) => [input.name, input.value]);
  place.innerHTML = await answer.text();  // escaped by the server; a script in it would not run
  for (const [name, value] of kept) {
    const input = place.querySelector(`input[name="${CSS.escape(name)}"]:not([type])`);
    if (input && value) input.value = value;
  }
  if (focused) {
    const again = [...place.querySelectorAll("input")].find((input) => input.name === focused[0] && (input.type !== "radio" || input.value === focused[1]));
    if (again) again.focus();
  }
}

if (form && shown) {
  const soon = () => { clearTimeout(waiting); waiting = setTimeout(showCommand, 150); };
  form.addEventListener("input", soon);
  form.addEventListener("change", async (event) => {
    if (guesses && (event.target.name === "source" || event.target.matches("[data-again]"))) await guessAgain();
    soon();
  });
  form.addEventListener("submit", () => {
    const button = form.querySelector(".actions button");
    setTimeout(() => { button.disabled = true; setTimeout(() => { button.disabled = false; }, 5000); }, 0);
  });
  showCommand();
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}
