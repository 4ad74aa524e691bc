// Files to keep: a figure as it is shown now, with its looks in itself.
const LOOKS = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin",
  "stroke-opacity", "opacity", "font-family", "font-size", "font-weight", "font-style", "text-anchor"];
const saved = (content, name) => {
  const link = made("a", {href: URL.createObjectURL(content), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};
const standalone = svg => {
  const copy = svg.cloneNode(true);
  const copies = all("*", copy);
  all("*", svg).forEach((element, k) => {
    const look = getComputedStyle(element);
    if (look.display === "none") copies[k].dataset.gone = "";
    if (!element.matches("defs, defs *, g:not([class*=s])")) for (const name of LOOKS) copies[k].setAttribute(name, look.getPropertyValue(name));
    copies[k].removeAttribute("class");
    copies[k].removeAttribute("data-axes");
  });
  all("[data-gone]", copy).forEach(element => element.remove());
  const [x, y, width, height] = svg.getAttribute("viewBox").split(" ");
  const paper = document.createElementNS(svg.namespaceURI, "rect");
  for (const [name, value] of Object.entries({x, y, width, height, fill: getComputedStyle(document.body).backgroundColor})) {
    paper.setAttribute(name, value);
  }
  const title = document.createElementNS(svg.namespaceURI, "title");
  title.textContent = svg.closest("figure").querySelector("h3, h4")?.firstChild.textContent ?? svg.dataset.name;
  copy.prepend(title, paper);
  copy.setAttribute("width", `${width}pt`);
  copy.setAttribute("height", `${height}pt`);
  copy.removeAttribute("aria-labelledby");
  return new Blob([new XMLSerializer().serializeToString(copy)], {type: "image/svg+xml"});
};
const SHARP = 3; // pixels of a PNG per point
async function keep(svg, kind) {
  const content = standalone(svg);
  if (kind === "svg") return saved(content, `${svg.dataset.name}.svg`);
  const picture = new Image();
  picture.src = URL.createObjectURL(content);
  await picture.decode();
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  const canvas = made("canvas", {width: width * SHARP, height: height * SHARP});
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(picture.src);
  return canvas.toBlob(drawn => saved(drawn, `${svg.dataset.name}.png`), "image/png");
}
