// Parts of a page that take longer than the page.
"use strict";
for (const place of document.querySelectorAll("[data-load]")) {
  fetch(place.dataset.load).then(async (answer) => {
    if (answer.ok) place.innerHTML = await answer.text();  // escaped by the server
    else place.textContent = (await answer.json()).error;
  }).catch(() => { place.textContent = "The studio does not answer."; });
}
