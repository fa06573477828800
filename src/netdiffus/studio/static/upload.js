// Files that are dropped or chosen, sent one after the other with their progress; folders keep their names.
"use strict";

async function filesBelow(entry, path) {
  if (entry.isFile) return [[path + entry.name, await new Promise((done, failed) => entry.file(done, failed))]];
  const reader = entry.createReader(), found = [];
  for (;;) {
    const entries = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!entries.length) return found;
    for (const each of entries) found.push(...await filesBelow(each, `${path}${entry.name}/`));
  }
}

function send(name, file, bar) {
  return new Promise((done) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/upload?name=${encodeURIComponent(name)}`);
    request.upload.onprogress = (event) => { bar.max = event.total; bar.value = event.loaded; };
    request.onload = () => { try { done(JSON.parse(request.responseText)); } catch { done({ error: request.responseText || "refused" }); } };
    request.onerror = () => done({ error: "The upload broke off." });
    request.send(file);
  });
}

function listed(drop, name) {
  const list = document.getElementById(drop.dataset.list);
  const empty = list.querySelector("[data-empty]");
  if (empty) empty.remove();
  const known = [...list.querySelectorAll("input")].find((input) => input.value === name);
  if (!drop.dataset.fresh) {  // what was chosen before is not what was dropped
    for (const input of list.querySelectorAll("input")) input.checked = false;
    drop.dataset.fresh = "no";
  }
  if (known) { known.checked = true; return known; }
  const item = document.createElement("li"), label = document.createElement("label"), box = document.createElement("input");
  box.type = "checkbox"; box.name = drop.dataset.name; box.value = name; box.checked = true;
  label.append(box, ` ${name}`);
  item.append(label);
  list.prepend(item);
  return box;
}

async function take(drop, files) {
  const place = drop.querySelector("[data-uploads]");
  let last = null;
  for (const [name, file] of files) {
    const line = document.createElement("li"), bar = document.createElement("progress"), words = document.createElement("span");
    bar.setAttribute("aria-label", `Upload of ${name}`);
    words.textContent = name;
    line.append(words, bar);
    place.append(line);
    const said = await send(`${drop.dataset.drop}/${name}`, file, bar);
    bar.remove();
    words.textContent = said.name ? `${said.name} is here` : `${name}: ${said.error}`;
    words.classList.toggle("error", !said.name);
    if (said.name) last = drop.dataset.list ? listed(drop, said.name) : said.name;
  }
  if (last && drop.dataset.go) location.assign(drop.dataset.go + encodeURIComponent(last));
  else if (last) last.dispatchEvent(new Event("change", { bubbles: true }));
}

for (const drop of document.querySelectorAll("[data-drop]")) {
  const plain = (list) => [...list].map((file) => [file.webkitRelativePath || file.name, file]);
  drop.querySelector("input[type=file]").addEventListener("change", async (event) => {
    event.stopPropagation();
    await take(drop, plain(event.target.files));
    event.target.value = "";
  });
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", async (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter(Boolean);
    const dropped = plain(event.dataTransfer.files);
    const files = entries.length ? (await Promise.all(entries.map((entry) => filesBelow(entry, "")))).flat() : dropped;
    await take(drop, files);
  });
}
