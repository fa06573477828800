// Values of a flow where one points: at a bar, by the arrow keys, or at a pixel of the image.
"use strict";
const figure = document.querySelector("[data-flow]"), readout = document.getElementById("readout");
if (figure) {
  const bars = [...figure.querySelectorAll("g[data-text]")];
  let at = -1;
  const show = (place) => {
    if (bars[at]) bars[at].classList.remove("at");
    at = Math.min(Math.max(place, 0), bars.length - 1);
    bars[at].classList.add("at");
    readout.textContent = bars[at].dataset.text;
  };
  figure.addEventListener("pointermove", (event) => {
    const bar = event.target.closest("g[data-text]");
    if (bar) show(bars.indexOf(bar));
  });
  figure.addEventListener("keydown", (event) => {
    const moves = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: bars.length - 1 };
    if (event.key in moves) { event.preventDefault(); show(moves[event.key]); }
  });
  for (const image of document.querySelectorAll("[data-gasf] img")) {
    image.addEventListener("pointermove", (event) => {
      const n = image.naturalWidth, box = image.getBoundingClientRect();
      const column = Math.min(Math.floor((event.clientX - box.left) / box.width * n), n - 1), row = Math.min(Math.floor((event.clientY - box.top) / box.height * n), n - 1);
      const text = (place) => (bars.find((bar) => bar.dataset.text.startsWith(`${place + 1}:`)) || { dataset: { text: `${place + 1}` } }).dataset.text;
      readout.textContent = `${text(row)} with ${text(column)}`;
    });
  }
}
