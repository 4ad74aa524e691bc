"""A Matplotlib drawing as a page has it: marks once, two decimals, real text, and axes that say what they measure."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from xml.etree.ElementTree import Element, fromstring

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from gradsuite.report.outline import Outline, short

SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"
CORNERS, WIDEST = 40, 30.0  # commands, and points from side to side, of the largest mark
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML has no way to write
FAMILY = re.compile(r"font-family: [^;]*(?:;|$)")
SIZE, WEIGHT = re.compile(r"font-size: ([\d.]+)px"), re.compile(r"font-weight: (\w+)")


@dataclass(frozen=True)
class Shape:
    """An outline to be drawn somewhere in some style."""

    outline: Outline
    style: str

    @cached_property
    def form(self) -> str:
        """Of a mark, the outline around the origin, as `d`: of what is closed and small; of anything else, none."""
        parts = self.outline.parts
        if not 0 < len(parts) <= CORNERS or parts[-1][0] != "z":
            return ""
        xs, ys = zip(*self.outline.points, strict=True)
        if max(max(xs) - min(xs), max(ys) - min(ys)) > WIDEST:
            return ""
        x, y = self.outline.middle
        return self.outline.moved(-x, -y).text()

    @property
    def visible(self) -> bool:
        """Whether it leaves anything on the paper."""
        return bool(self.outline.parts) and not ("fill: none" in self.style and "stroke: " not in self.style)


@dataclass(slots=True)
class Node:
    """An element of the page: its tag, attributes and what is in it; a shape is an element to be."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: "list[Node | Shape]" = field(default_factory=list)
    text: str = ""


def slim(svg: str, axes: dict[str, str], without: str = "") -> str:
    """Return what is in Matplotlib's SVG, written anew: an element's look is its `style`, ids are `m1`, `c1`, ...

    `axes` has the group of each pair of axes by its id, and what the page is to know of them; the group called
    `without` is left out. Raises ValueError for an SVG that Matplotlib does not write.
    """
    return _Reading(fromstring(FORBIDDEN.sub("\ufffd", svg)), axes, without).written()


class _Reading:
    """What has been read of one drawing."""

    def __init__(self, root: Element, axes: dict[str, str], without: str) -> None:
        self.root = root
        self.left_out = {"patch_1", without}  # the paper: that of the page
        self.axes = axes
        self.clips: dict[str, str] = {}  # Matplotlib's ids: ours
        self.outlines: dict[str, Shape] = {}  # what is referred to, by Matplotlib's id
        self.definitions: list[Node] = []
        for element in root.iter(f"{SVG}clipPath"):
            self.clips[element.attrib["id"]] = f"c{len(self.clips) + 1}"
        for defs in root.iter(f"{SVG}defs"):
            self._define(defs)

    def written(self) -> str:
        nodes = list(self._merged([made for child in self.root for made in self._read(child)]))
        forms = Counter(form for shape in _shapes(nodes) if (form := shape.form))
        often = [form for form, count in forms.items() if count > 1]
        marks = {form: f"m{k}" for k, form in enumerate(often, 1)}
        named = [Node("path", {"id": name, "d": form}) for form, name in marks.items()]
        defs = Node("defs", children=[*self.definitions, *named])
        return "".join(_text(node, marks) for node in [defs, *nodes])

    def _define(self, defs: Element) -> None:
        for element in defs:
            if element.tag == f"{SVG}path":
                self.outlines[element.attrib["id"]] = _shape(element)
            elif element.tag == f"{SVG}clipPath":
                inner = element[0]
                given = {name: short(float(inner.get(name, "0"))) for name in ("x", "y", "width", "height")}
                shape = Node("rect", given) if inner.tag == f"{SVG}rect" else _plain(inner)
                self.definitions.append(Node("clipPath", {"id": self.clips[element.attrib["id"]]}, [shape]))

    def _read(self, element: Element) -> "Iterator[Node | Shape]":
        tag = element.tag.removeprefix(SVG) if isinstance(element.tag, str) else ""
        if tag == "g":
            yield from self._group(element)
        elif tag == "text":
            yield _words(element)
        elif tag in ("path", "use"):
            if (shape := self._drawn(element)).visible:
                yield from self._clipped(element, shape)
        elif tag == "image":
            kept = {name: element.get(name, "") for name in ("width", "height", "transform") if element.get(name)}
            kept |= {name: short(float(element.get(name, "0"))) for name in ("x", "y")}
            picture = Node("image", kept | {"href": "".join(element.attrib[LINK].split())})
            yield from self._clipped(element, picture)

    def _group(self, element: Element) -> "Iterator[Node | Shape]":
        name = element.get("id", "")
        if name in self.left_out:
            return
        parts = [made for child in element for made in self._read(child)]
        if ticks := name.startswith("matplotlib.axis"):  # its lines first: they are clipped alike
            parts.sort(key=lambda part: isinstance(part, Node) and part.tag != "g")
        inside = list(self._merged(parts))
        kept = {key: value for key, value in element.attrib.items() if key in ("transform", "style")}
        if name in self.axes:
            kept |= {"class": "axes", "data-axes": self.axes[name]}
        elif ticks:  # Matplotlib counts them over all axes: a horizontal one, a vertical one, and so on
            kept["class"] = "axis x" if int(name.rpartition("_")[2]) % 2 else "axis y"
        if kept or "clip-path" in element.attrib:
            yield from self._clipped(element, Node("g", kept, inside))
        else:
            yield from inside

    def _drawn(self, element: Element) -> Shape:
        if element.tag == f"{SVG}path":
            return _shape(element)
        known = self.outlines[element.attrib[LINK].removeprefix("#")]
        x, y = float(element.get("x", "0")), float(element.get("y", "0"))
        return Shape(known.outline.moved(x, y), _over(element.get("style", ""), known.style))

    def _clipped(self, element: Element, made: Node | Shape) -> "Iterator[Node | Shape]":
        found = re.fullmatch(r"url\(#(.*)\)", element.get("clip-path", ""))
        yield Node("g", {"clip-path": f"url(#{self.clips[found[1]]})"}, [made]) if found else made

    def _merged(self, nodes: "list[Node | Shape]") -> "Iterator[Node | Shape]":
        """Yield the nodes; neighbours that are clipped alike share a group."""
        last: Node | None = None
        for node in nodes:
            clipped = isinstance(node, Node) and node.tag == "g" and set(node.attributes) == {"clip-path"}
            if clipped and isinstance(node, Node):
                if last is not None and last.attributes == node.attributes:
                    last.children += node.children
                    continue
                last = node
            else:
                last = None
            yield node


def _shape(element: Element) -> Shape:
    return Shape(Outline.parse(element.get("d", "")), element.get("style", ""))


def _plain(element: Element) -> Node:
    return Node("path", {"d": Outline.parse(element.get("d", "")).text()})


def _over(outer: str, inner: str) -> str:
    """Return two styles as one; what the inner says counts."""
    parts = [part.strip() for part in f"{outer};{inner}".split(";")]
    said = dict(part.split(": ", 1) for part in parts if part)
    return "; ".join(f"{name}: {value}" for name, value in said.items())


def _shapes(nodes: "list[Node | Shape]") -> Iterator[Shape]:
    for node in nodes:
        if isinstance(node, Shape):
            yield node
        else:
            yield from _shapes(node.children)


def _text(node: Node | Shape, marks: dict[str, str]) -> str:
    if isinstance(node, Shape):
        node = _element(node, marks)
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in node.attributes.items())
    inside = escape(node.text, quote=False) + "".join(_text(child, marks) for child in node.children)
    return f"<{node.tag}{attributes}>{inside}</{node.tag}>" if inside else f"<{node.tag}{attributes}/>"


def _element(shape: Shape, marks: dict[str, str]) -> Node:
    style = {"style": shape.style} if shape.style else {}
    name = marks.get(shape.form)
    if name is None:
        return Node("path", {"d": shape.outline.text(), **style})
    x, y = shape.outline.middle
    return Node("use", {"href": f"#{name}", "x": short(x), "y": short(y), **style})


def _words(element: Element) -> Node:
    """Return text as text: as wide as it was laid out, whichever font the reader has."""
    style = element.get("style", "")
    kept = {name: value for name in ("x", "y") if (value := element.get(name))}
    kept = {name: short(float(value)) for name, value in kept.items()}
    if turned := _turned(element.get("transform", "")):
        kept["transform"] = turned
    spans = [span for span in element if span.tag == f"{SVG}tspan"]
    if not spans:
        words = element.text or ""
        if len(words) > 2:
            kept["textLength"] = short(_width(words, style))
        return Node("text", {**kept, **_look(style)}, text=words)
    return Node("text", kept | _look(style), list(_spans(spans)))


def _spans(spans: list[Element]) -> Iterator[Node]:
    """Yield a formula's letters; neighbours on one line and of one look together."""
    last: Node | None = None
    for span in spans:
        look = _look(span.get("style", ""))
        xs = " ".join(short(float(x)) for x in span.get("x", "0").split())
        y = short(float(span.get("y", "0").split()[0]))
        if last is not None and (last.attributes["y"], last.attributes.get("style")) == (y, look.get("style")):
            last.attributes["x"] += f" {xs}"
            last.text += span.text or ""
            continue
        if last is not None:
            yield last
        last = Node("tspan", {"x": xs, "y": y, **look}, text=span.text or "")
    if last is not None:
        yield last


def _look(style: str) -> dict[str, str]:
    """Return a text's style without its font: the page has one for all figures."""
    kept = FAMILY.sub("", style).strip("; ")
    return {"style": kept} if kept else {}


def _turned(transform: str) -> str:
    """Return a transformation with short numbers; none for one that turns nothing."""
    if re.match(r"rotate\(-?0(\.0+)? ", transform):
        return ""
    return re.sub(r"-?\d+\.\d+", lambda found: short(float(found[0])), transform)


def _width(words: str, style: str) -> float:
    """Return how wide Matplotlib laid a text out, in points."""
    size, weight = SIZE.search(style), WEIGHT.search(style)
    font = FontProperties(size=float(size[1]) if size else None, weight=weight[1] if weight else None)
    width: float = text_to_path.get_text_width_height_descent(words, font, ismath=False)[0]
    return width
