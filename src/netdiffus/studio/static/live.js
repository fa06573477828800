// A job that runs: progress, curve, samples and log, asked for again and again; the page is loaded anew at its end.
"use strict";
const here = document.querySelector("[data-job]");
const part = (id) => document.getElementById(id);
const points = [];
let after = 0, asks = 0;

function timeText(seconds) {
  if (seconds === null) return "";
  if (seconds < 60) return `${Math.ceil(seconds)} s left`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min left` : `${(seconds / 3600).toFixed(1)} h left`;
}

function path(list, x, y) {
  if (list.length === 1) return `M${x(list[0][0]).toFixed(1)} ${y(list[0][1]).toFixed(1)}h.1`;
  return list.map(([a, b], k) => `${k ? "L" : "M"}${x(a).toFixed(1)} ${y(b).toFixed(1)}`).join("");
}

function drawCurve() {
  const svg = part("curve-svg");
  if (!svg || !points.length) return;
  const raw = points.map((p) => [p[1], p[2]]), checked = points.filter((p) => p[3] !== null).map((p) => [p[1], p[3]]);
  const smooth = [];
  let mean = raw[0][1];
  for (const [step, loss] of raw) { mean += (loss - mean) * Math.max(0.06, 1 / (smooth.length + 1)); smooth.push([step, mean]); }
  const sorted = raw.map((p) => p[1]).sort((a, b) => a - b);
  const values = [sorted[0], sorted[Math.floor(sorted.length * 0.98)], ...checked.map((p) => p[1])];
  const low = Math.min(...values), high = Math.max(...values, low + 1e-6), first = raw[0][0], last = Math.max(raw[raw.length - 1][0], first + 1);
  const x = (step) => 960 * (step - first) / (last - first), y = (loss) => 8 + 244 * (1 - Math.min((loss - low) / (high - low), 1));
  svg.querySelector(".raw").setAttribute("d", path(raw, x, y));
  svg.querySelector(".smooth").setAttribute("d", path(smooth, x, y));
  svg.querySelector(".validation").setAttribute("d", path(checked, x, y));
  part("curve-low").textContent = `step ${first}`;
  part("curve-high").textContent = `step ${last}`;
  const words = `loss ${mean.toFixed(3)}` + (checked.length ? `, validation ${checked[checked.length - 1][1].toFixed(3)}` : "");
  part("curve-value").textContent = `${words}; axis from ${low.toFixed(2)} to ${high.toFixed(2)}`;
  svg.setAttribute("aria-label", `Loss by step, now ${words}`);
}

async function ask() {
  const wantsLog = part("log") && asks++ % 5 === 0;
  let said;
  try {
    said = await (await fetch(`/jobs/${here.dataset.job}/state?after=${after}${wantsLog ? "&log=1" : ""}`)).json();
  } catch {
    setTimeout(ask, 3000);
    return;
  }
  if (said.points.length) {
    points.push(...said.points);
    after = points[points.length - 1][0];
    drawCurve();
  }
  if (part("bar")) { part("bar").value = said.share; part("note").textContent = said.note; part("left").textContent = timeText(said.left); }
  if (said.log !== undefined) {
    const log = part("log"), atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
    if (log.textContent !== said.log) { log.textContent = said.log; if (atEnd) log.scrollTop = log.scrollHeight; }
  }
  if (said.state !== here.dataset.state) location.reload();
  else if (said.state === "running") setTimeout(ask, document.hidden ? 5000 : 700);
}

async function samples() {
  const place = part("samples-here");
  try {
    const answer = await fetch(place.dataset.samples, { method: "POST" });
    if (answer.ok) place.innerHTML = await answer.text();  // escaped by the server
  } catch { /* asked again below */ }
  if (here.dataset.state === "running" || place.querySelector("[data-pending]")) setTimeout(samples, document.hidden ? 60000 : 5000);
}

if (here) {
  ask();
  if (part("samples-here")) samples();
}
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(part(button.dataset.copy).textContent);
    button.textContent = "Copied";
  });
}
