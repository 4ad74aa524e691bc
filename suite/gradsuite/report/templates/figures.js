// Figures: values under the pointer, a linear axis for a logarithmic one, files to keep.
const at = (axis, place) => {
  const [low, high] = axis.limits;
  const part = (place - axis.ends[0]) / (axis.ends[1] - axis.ends[0]);
  if (axis.scale === "linear") return low + part * (high - low);
  return axis.scale === "log" ? low * (high / low) ** part : NaN;
};
const short = number => String(parseFloat(number.toPrecision(3)));
const commands = d => {
  const found = [];
  let [x, y, letter] = [0, 0, "M"];
  const tokens = d.match(/[a-zA-Z]|-?(?:\d+\.?\d*|\.\d+)/g) ?? [];
  const sizes = {M: 2, l: 2, h: 1, v: 1, c: 6, q: 4, z: 0};
  for (let k = 0; k < tokens.length;) {
    if (/[a-z]/i.test(tokens[k])) letter = tokens[k++];
    const numbers = tokens.slice(k, k += sizes[letter]).map(Number);
    if (letter === "z") { found.push(["Z", []]); continue; }
    const pairs = letter === "h" ? [[numbers[0], 0]] : letter === "v" ? [[0, numbers[0]]]
      : numbers.flatMap((number, j) => j % 2 ? [] : [[number, numbers[j + 1]]]);
    const points = letter === "M" ? pairs : pairs.map(([dx, dy]) => [x + dx, y + dy]);
    [x, y] = points.at(-1);
    found.push([letter === "M" ? "M" : letter === "c" ? "C" : letter === "q" ? "Q" : "L", points]);
  }
  return found;
};
const marks = svg => all("g.axes", svg).flatMap(group => {
  const axes = JSON.parse(group.dataset.axes);
  return all("use, path", group).filter(mark => !mark.closest(".axis")).flatMap(mark => {
    const backend = [...mark.classList].find(name => /^b\d+$/.test(name));
    const points = mark.tagName === "use" ? [[Number(mark.getAttribute("x")), Number(mark.getAttribute("y"))]]
      : getComputedStyle(mark).fill === "none" ? commands(mark.getAttribute("d")).flatMap(([, points]) => points) : [];
    return points.map(([x, y]) => ({x, y, axes, backend, mark}));
  });
});
const told = made("div", {className: "told", hidden: true});
document.body.append(told);
const NEAR = 12; // pixels between the pointer and what it points at

for (const svg of all(".drawing > svg[data-name]")) {
  let known = null;
  svg.addEventListener("pointermove", event => {
    known ??= marks(svg);
    const screen = svg.getScreenCTM();
    const {x, y} = new DOMPoint(event.clientX, event.clientY).matrixTransform(screen.inverse());
    let [nearest, distance] = [null, NEAR / screen.a];
    for (const point of known) {
      const apart = Math.hypot(point.x - x, point.y - y);
      if (apart < distance && !point.mark.classList.contains("away")) [nearest, distance] = [point, apart];
    }
    const values = nearest?.axes.map((axis, k) => [axis.label || "xy"[k], at(axis, nearest["xy"[k]])]) ?? [];
    const lines = values.filter(([, value]) => isFinite(value)).map(([label, value]) => `${label}: ${short(value)}`);
    told.hidden = !lines.length;
    if (told.hidden) return;
    if (nearest.backend) lines.unshift(groups[nearest.backend].join(", "));
    told.textContent = lines.join("\n");
    told.style.left = `${Math.min(event.clientX + 14, innerWidth - told.offsetWidth - 8)}px`;
    told.style.top = `${Math.min(event.clientY + 14, innerHeight - told.offsetHeight - 8)}px`;
  });
  svg.addEventListener("pointerleave", () => { told.hidden = true; });
  const redrawn = () => { known = null; };
  const files = made("div", {className: "files"}, button("SVG", () => keep(svg, "svg")), button("PNG", () => keep(svg, "png")));
  const scale = switched(svg, redrawn);
  if (scale) files.append(scale);
  svg.closest("figure")?.append(files);
}
