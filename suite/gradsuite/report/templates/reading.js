// Reading: backends hidden everywhere, light or dark, the place in the contents, links to headings, what is folded opened.
const groups = JSON.parse(document.getElementById("page/groups").textContent);
const hide = (group, hidden) => {
  for (const mark of all(`svg .${group}`)) mark.classList.toggle("away", hidden);
  for (const table of all("main table")) {
    for (const [column, head] of [...(table.tHead?.rows[0]?.cells ?? [])].entries()) {
      if (!head.querySelector(`[data-group="${group}"]`)) continue;
      for (const row of table.rows) if (row.cells[column]) row.cells[column].classList.toggle("away", hidden);
    }
    for (const row of table.tBodies[0]?.rows ?? []) {
      const named = all("td > [data-group]", row);
      if (named.length && named.every(name => name.dataset.group === group)) row.classList.toggle("away", hidden);
    }
  }
};
const list = document.querySelector("header .backends");
if (list && Object.keys(groups).length > 1) {
  list.replaceChildren(...Object.entries(groups).map(([group, names]) => {
    const shown = button("", () => {
      const hidden = shown.ariaPressed === "true";
      shown.ariaPressed = String(!hidden);
      hide(group, hidden);
    });
    shown.append(made("span", {className: "backend"}, made("i", {className: group}), names.join(", ")));
    shown.ariaPressed = "true";
    shown.title = `Show or hide ${names.join(", ")} in all figures and tables`;
    return shown;
  }));
}

const root = document.documentElement;
const themes = {auto: "light", light: "dark", dark: "auto"};
const theme = button("", () => dressed(themes[root.dataset.theme ?? "auto"]));
const dressed = name => {
  if (name === "auto") delete root.dataset.theme;
  else root.dataset.theme = name;
  theme.textContent = `Theme: ${name}`;
};
dressed("auto");
document.querySelector("header")?.append(made("p", {className: "tools"}, theme));

for (const heading of all("main section[id] > h2, main section[id] > h3, main h2[id], main h3[id], main h4[id]")) {
  const id = heading.id || heading.parentElement.id;
  heading.append(" ", made("a", {className: "permalink", href: `#${id}`, ariaLabel: `Link to ${heading.textContent}`}, "#"));
}
const entries = new Map(all("nav a").map(link => [link.getAttribute("href").slice(1), link]));
const places = [...entries.keys()].map(id => document.getElementById(id)).filter(Boolean);
const asked = () => {
  const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  return place && entries.has(place.id) && place.getBoundingClientRect().bottom > 0 ? place : null;
};
const marked = () => {
  const passed = places.filter(place => place.getBoundingClientRect().top < innerHeight / 3);
  const atEnd = innerHeight + scrollY >= root.scrollHeight - 2; // where the last sections never come to the top
  const current = entries.get(((atEnd ? asked() ?? places.at(-1) : passed.at(-1)) ?? places[0])?.id);
  for (const link of entries.values()) {
    if (link === current && !link.ariaCurrent) {
      link.ariaCurrent = "location";
      const bar = link.closest("nav");
      if (bar.scrollHeight > bar.clientHeight) bar.scrollTop = link.offsetTop - bar.clientHeight / 2;
    } else if (link !== current) link.removeAttribute("aria-current");
  }
};
let waiting = false;
addEventListener("scroll", () => {
  if (!waiting) requestAnimationFrame(() => { waiting = false; marked(); });
  waiting = true;
}, {passive: true});
marked();

const opened = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  let folded = target?.closest("details:not([open])");
  if (!folded) return;
  for (; folded; folded = target.closest("details:not([open])")) folded.open = true;
  target.scrollIntoView();
};
addEventListener("hashchange", () => { opened(); marked(); });
opened();
// On paper nothing can be unfolded; claims that hold stay the line that they are, unless somebody has opened them.
addEventListener("beforeprint", () => all("details:not(.holding)").forEach(folded => { folded.open = true; }));
const reachable = () => {
  for (const part of all(".wide, .drawing, pre")) {
    if (part.scrollWidth > part.clientWidth || part.scrollHeight > part.clientHeight) part.tabIndex = 0;
    else part.removeAttribute("tabindex");
  }
};
addEventListener("resize", reachable);
reachable();
