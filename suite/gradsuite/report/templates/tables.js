// Tables: sorted by a click on a column's head, filtered by what is typed.
const value = cell => {
  const text = cell.textContent.trim().replace(/^[≤≥]\s*/, "").replace("−", "-");
  const number = parseFloat(text.replace(/^(-?)inf/, "$1Infinity").replace(/(\d),(?=\d{3})/g, "$1"));
  return cell.classList.contains("number") ? (isNaN(number) ? -Infinity : number) : text;
};
const compared = (one, other) =>
  typeof one === "number" && typeof other === "number" ? one - other || 0
    : String(one).localeCompare(String(other), "en", {numeric: true});
const sorted = (table, column, direction) => {
  const body = table.tBodies[0];
  const rows = [...body.rows].sort((one, other) => one.dataset.place - other.dataset.place);
  if (direction) {
    rows.sort((one, other) => direction * compared(value(one.cells[column]), value(other.cells[column])));
  }
  body.append(...rows);
};
const next = {none: "ascending", ascending: "descending", descending: "none"};
const sign = {none: 0, ascending: 1, descending: -1};
const FEW = 8; // rows of a table that needs no filter

for (const table of all("main table:not(.small)")) {
  const rows = [...(table.tBodies[0]?.rows ?? [])];
  const heads = [...(table.tHead?.rows[0]?.cells ?? [])];
  if (rows.length < 2 || rows.some(row => row.cells.length !== heads.length)) continue;
  rows.forEach((row, place) => { row.dataset.place = place; });
  heads.forEach((head, column) => {
    if (rows.every(row => row.cells[column].classList.contains("number"))) head.classList.add("number");
    const sorting = button("", () => {
      const direction = next[head.ariaSort ?? "none"];
      heads.forEach(other => other.removeAttribute("aria-sort"));
      if (sign[direction]) head.ariaSort = direction;
      sorted(table, column, sign[direction]);
    });
    if (!head.textContent.trim()) sorting.ariaLabel = `Sort by column ${column + 1}`;
    sorting.append(...head.childNodes);
    head.append(sorting);
  });
  if (rows.length < FEW) continue;
  const found = made("span", {role: "status", className: "quiet"});
  const typed = made("input", {type: "search", ariaLabel: `Filter ${rows.length} rows`, placeholder: `Filter ${rows.length} rows`});
  typed.addEventListener("input", () => {
    const words = typed.value.toLowerCase().split(/\s+/);
    const shown = rows.filter(row => {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every(word => text.includes(word));
      return !row.hidden;
    });
    found.textContent = typed.value ? `${shown.length} of ${rows.length}` : "";
  });
  (table.closest(".wide") ?? table).before(made("div", {className: "filter"}, typed, found));
}
