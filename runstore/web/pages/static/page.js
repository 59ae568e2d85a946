// What is nicer with JavaScript, and works without it.
"use strict";

// A button that copies the command.
for (const block of document.querySelectorAll(".command pre")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(block.textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  block.after(button);
}

// A choice is shown at once.
for (const select of document.querySelectorAll("form.search select")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}

// On a narrow screen the facets are folded, so that the runs come first.
const facets = document.querySelector(".facets-fold");
if (facets && matchMedia("(max-width: 60rem)").matches) facets.open = false;

// Control and Enter run a query.
const query = document.getElementById("query");
if (query) {
  query.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) query.form.requestSubmit();
  });
}
