"use strict";
// Sort a table by the column whose head was pressed; what is missing stays last.
const valueOf = (row, column) => row.cells[column].dataset.v ?? "";
function sortBy(head) {
  const table = head.closest("table");
  const column = head.cellIndex;
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const rows = [...table.tBodies[0].rows];
  const numeric = rows.every((row) => valueOf(row, column) === "" || Number.isFinite(Number(valueOf(row, column))));
  rows.sort((a, b) => {
    const [x, y] = [valueOf(a, column), valueOf(b, column)];
    if (x === "" || y === "") return (x === "") - (y === "");
    const order = numeric ? Number(x) - Number(y) : x.localeCompare(y, "en", { numeric: true });
    return down ? -order : order;
  });
  table.tBodies[0].append(...rows);
}
for (const button of document.querySelectorAll("table.grid thead button")) {
  button.addEventListener("click", () => sortBy(button.closest("th")));
}

// Filters hide, and say how much they leave.
function say(name, shown, all, what) {
  const place = document.querySelector(`[data-shown="${name}"]`);
  if (place) place.textContent = `${shown} of ${all} ${what} shown`;
}
const filters = {
  pairs(on) {
    const rows = [...document.querySelectorAll('[data-rows="pairs"] tbody tr')];
    const any = rows.some((row) => row.dataset.consecutive === "1");
    for (const row of rows) row.hidden = on && any && row.dataset.consecutive !== "1";
    say("pairs", rows.filter((row) => !row.hidden).length, rows.length, "rows");
  },
  changes(on) {
    const all = [...document.querySelectorAll("article.dendrite")];
    for (const one of all) one.hidden = on && one.dataset.changes === "0";
    say("changes", all.filter((one) => !one.hidden).length, all.length, "dendrites");
  },
};
for (const box of document.querySelectorAll("[data-filter]")) {
  const apply = () => filters[box.dataset.filter](box.checked);
  box.addEventListener("change", apply);
  apply();
}
for (const box of document.querySelectorAll("[data-toggle]")) {
  const apply = () => document.body.classList.toggle(`no-${box.dataset.toggle}`, !box.checked);
  box.addEventListener("change", apply);
  apply();
}
for (const button of document.querySelectorAll("[data-fold]")) {
  button.addEventListener("click", () => {
    for (const one of document.querySelectorAll("details.animal")) one.open = button.dataset.fold === "open";
  });
}

// Pointing at a spine lights it up in every session of its dendrite.
let lit = [];
document.addEventListener("pointerover", (event) => {
  for (const mark of lit) mark.classList.remove("hot");
  const mark = event.target.closest("[data-s]");
  const home = mark && mark.closest("article");
  lit = home ? [...home.querySelectorAll(`[data-s="${mark.dataset.s}"]`)] : [];
  for (const one of lit) one.classList.add("hot");
});
