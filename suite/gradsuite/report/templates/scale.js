// A linear vertical axis in place of a logarithmic one, for figures that show at most DECADES.
const DECADES = 4;
const drawn = (name, known, text = "") => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(known)) if (value) element.setAttribute(key, value);
  element.textContent = text;
  return element;
};
const steps = high => {
  const rough = high / 4, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find(factor => factor * power >= rough);
  return Array.from({length: Math.floor(high / step) + 1}, (_, k) => k * step);
};
function linear(group) {
  const [horizontal, vertical] = JSON.parse(group.dataset.axes);
  const high = vertical.limits[1], [bottom, top] = vertical.ends;
  const place = value => bottom + (top - bottom) * value / high;
  const moved = y => place(at(vertical, Math.max(y, top)));
  group.dataset.log = group.dataset.axes;
  group.dataset.axes = JSON.stringify([horizontal, {...vertical, scale: "linear", limits: [0, high]}]);
  for (const mark of all("use, path, text:not([transform])", group).filter(mark => !mark.closest(".axis"))) {
    for (const name of mark.hasAttribute("y") ? ["y"] : ["d"]) {
      const was = mark.getAttribute(name);
      mark.dataset[name] = was;
      mark.setAttribute(name, name === "y" ? moved(Number(was)).toFixed(2) : commands(was).map(([letter, points]) =>
        letter + points.map(([x, y]) => `${x.toFixed(2)} ${moved(y).toFixed(2)}`).join(" ")).join(""));
    }
  }
  const axis = group.querySelector(".axis.y"), line = axis.querySelector("path"), word = axis.querySelector("text:not([transform]), g text");
  const ticks = drawn("g", {class: "ticks"});
  for (const value of steps(high)) {
    const y = place(value);
    ticks.append(drawn("path", {class: line?.getAttribute("class"), d: `M${horizontal.ends[0]} ${y.toFixed(2)}H${horizontal.ends[1]}`}));
    if (word) ticks.append(drawn("text", {class: "tick", x: horizontal.ends[0] - 5, y: (y + 3.5).toFixed(2)}, short(value)));
  }
  for (const part of axis.children) if (!part.matches("text[transform]")) part.classList.add("away");
  axis.prepend(ticks);
}
function logarithmic(group) {
  group.dataset.axes = group.dataset.log;
  for (const name of ["y", "d"]) for (const mark of all(`[data-${name}]`, group)) {
    mark.setAttribute(name, mark.dataset[name]);
    delete mark.dataset[name];
  }
  const axis = group.querySelector(".axis.y");
  axis.querySelector(".ticks").remove();
  for (const part of axis.children) part.classList.remove("away");
}
function switched(svg, redrawn) {
  const vertical = group => JSON.parse(group.dataset.axes)[1];
  const groups = all("g.axes", svg).filter(group => vertical(group).scale === "log");
  const few = group => vertical(group).limits[1] / vertical(group).limits[0] <= 10 ** DECADES;
  if (!groups.length || !groups.every(group => few(group) && group.querySelector(".axis.y"))) return null;
  const toggle = button("Linear axis", () => {
    const now = toggle.ariaPressed !== "true";
    toggle.ariaPressed = String(now);
    groups.forEach(now ? linear : logarithmic);
    redrawn();
  });
  toggle.ariaPressed = "false";
  toggle.className = "scale";
  return toggle;
}
