"use strict";
const controls = [...document.querySelectorAll("details.control")];
const value = (id) => document.getElementById(id).value;
const kept = {
  severity: (control, wanted) => control.dataset.severity === wanted,
  subject: (control, wanted) => control.dataset.subject === wanted,
  list: (control, wanted) => control.dataset.lists.split(" ").includes(wanted),
  gap: (control, wanted) =>
    ({
      bad: control.dataset.status !== "passed",
      incomplete: ["incomplete", "not run"].includes(control.dataset.verdict),
      live: control.dataset.live !== "",
    })[wanted],
};

function filter() {
  const words = value("search").toLowerCase().split(/\s+/).filter(Boolean);
  for (const control of controls) {
    const found = words.every((word) => control.dataset.text.includes(word));
    control.hidden = !found || Object.entries(kept).some(([id, keeps]) => value(id) && !keeps(control, value(id)));
  }
  const shown = controls.filter((control) => !control.hidden).length;
  document.getElementById("count").textContent = `${shown} of ${controls.length} controls`;
  document.getElementById("nothing").hidden = shown > 0;
}

// A link to a control opens it, whatever the filter hides.
function follow() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target?.matches("details.control")) {
    target.hidden = false;
    target.open = true;
    target.scrollIntoView();
  }
}

const form = document.getElementById("filters");
form.addEventListener("input", filter);
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => setTimeout(filter));
for (const [id, open] of [["open", true], ["close", false]]) {
  document.getElementById(id).addEventListener("click", () => {
    for (const control of controls) if (!control.hidden) control.open = open;
  });
}
addEventListener("hashchange", follow);
filter();
follow();
