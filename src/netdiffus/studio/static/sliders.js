// Counts by label as sliders, the suffix of the result, the model, and the preview.
"use strict";
const total = document.querySelector("[data-total]"), counted = document.querySelector("form[data-verb=generate]");
const sum = () => { if (total) total.textContent = [...document.querySelectorAll("input[name=count]")].reduce((all, input) => all + (Number(input.value) || 0), 0).toLocaleString("en"); };
for (const slider of document.querySelectorAll("[data-slider]")) {
  const number = document.getElementById(slider.dataset.slider);
  slider.addEventListener("input", () => { number.value = slider.value; sum(); });
  number.addEventListener("input", () => { slider.value = number.value; sum(); });
}
for (const radio of document.querySelectorAll("[data-suffix]")) {
  radio.addEventListener("change", () => {
    const out = document.getElementById("out");
    out.value = out.value.replace(/\.[a-z]+$/, "") + radio.value;
    out.dispatchEvent(new Event("input", { bubbles: true }));
  });
}
const model = document.getElementById("model-choice");
if (model) model.addEventListener("change", () => model.form.requestSubmit());
const button = document.querySelector("[data-preview]"), place = document.getElementById("preview");
if (button) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    place.textContent = "drawing …";
    try {
      const answer = await fetch("/preview", { method: "POST", body: new URLSearchParams(new FormData(counted)) });
      const said = await answer.json();
      if (!answer.ok) { place.textContent = said.error; return; }
      for (;;) {
        await new Promise((done) => setTimeout(done, 700));
        const state = await (await fetch(`/jobs/${said.job}/state`)).json();
        if (state.state !== "running") break;
        place.textContent = `drawing … ${state.note}`;
      }
      place.innerHTML = await (await fetch(`/preview/${said.job}`)).text();  // escaped by the server
    } finally {
      button.disabled = false;
    }
  });
}
