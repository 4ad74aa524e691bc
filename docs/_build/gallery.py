"""The gallery: a page for each registered experiment, from the experiment itself and the committed reference runs.

Nothing here is written by hand. What an experiment asks, sets and claims is what its class says; its figures, their
captions and the verdicts are those of the runs under `results/reference`.
"""

import html
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from gradsuite import plugins
from gradsuite.settings import LARGEST
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
RUNS = {
    "results/reference": "gradsuite run",
    "results/reference/peers": "gradsuite run speed --preset peers --threads 2 --tuned",
}
OWN = "gradsuite_experiments"  # the built-in experiments: what else is installed here is not the project's to show
# How a report holds a figure: a title, the drawing, a caption and the name of its file.
FIGURE = re.compile(r'<h3 id="(?P<name>[\w-]+)">(?P<title>[^<]*)</h3>.*?<figcaption>(?P<caption>[^<]*)<', re.DOTALL)
LAWS = re.compile(r"^Experiments?: (?P<names>.*)\.$", re.MULTILINE)


class Picture(NamedTuple):
    """A figure of a reference run: its file, its title and its caption, and what to type to draw it anew."""

    path: str
    title: str
    caption: str
    command: str


@cache
def experiments() -> tuple[type[Any], ...]:
    """Return the built-in experiments by name. One that cannot be loaded fails the build."""
    found = plugins.load()
    classes = [one for one in found.get_all("experiment") if one.__module__.partition(".")[0] == OWN]
    if lost := [str(one) for one in found.broken if one.name in found.experiments]:
        raise PluginError(f"experiments that cannot be shown: {'; '.join(lost)}")
    return tuple(classes)


@cache
def pictures() -> Mapping[str, list[Picture]]:
    """Return the figures by the experiment that drew them: the one whose name theirs begins with."""
    names = sorted((one.name for one in experiments()), key=len, reverse=True)
    found: dict[str, list[Picture]] = {name: [] for name in names}
    for run, command in RUNS.items():
        told = {figure["name"]: figure for figure in FIGURE.finditer((ROOT / run / "report.html").read_text("utf-8"))}
        for file in sorted((ROOT / run / "figures").glob("*.png"), key=lambda file: (len(file.stem), file.stem)):
            owner = next((name for name in names if file.stem == name or file.stem.startswith(f"{name}-")), None)
            if owner is None:
                raise PluginError(f"no experiment has drawn {file.name}")
            words = told.get(file.stem)
            title, caption = (html.unescape(words[part]).strip() if words else "" for part in ("title", "caption"))
            found[owner].append(Picture(file.relative_to(ROOT).as_posix(), title or file.stem, caption, command))
    return found


@cache
def claims() -> tuple[Mapping[str, Any], ...]:
    """Return every claim of the reference run, as `gradsuite claims` prints them."""
    command = [sys.executable, "-m", "gradsuite", "claims", str(ROOT / "results/reference"), "--json"]
    return tuple(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def on_config(config: Any) -> Any:
    """Put a page for each experiment into the navigation."""
    (section,) = (item for item in config.nav if "Gallery" in item)
    section["Gallery"] += [{one.name: f"gallery/{one.name}.md"} for one in experiments()]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Write the pages."""
    files.append(File.generated(config, "gallery/index.md", content=overview()))
    theory = (ROOT / "docs" / "theory.md").read_text("utf-8")
    for one in experiments():
        files.append(File.generated(config, f"gallery/{one.name}.md", content=page(one, law(one.name, theory))))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Link the experiments that a law names to their pages."""
    if page.file.src_uri != "theory.md":
        return markdown
    return LAWS.sub(lambda line: re.sub(r"`([\w-]+)`", r"[`\1`](gallery/\1.md)", line[0]), markdown)


def law(name: str, theory: str) -> str:
    """Return the heading of the page of laws under which this experiment is named, or nothing."""
    heading = ""
    for line in theory.splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        elif (named := LAWS.fullmatch(line)) and f"`{name}`" in named["names"]:
            return heading
    return ""


def overview() -> str:
    """Return the page that shows every experiment by its question and its first figure."""
    every, alone = ([one for one in experiments() if one.named is named] for named in (False, True))
    return f"""---
hide: [toc]
---

# Gallery of experiments

An experiment is a question that is put to every backend. The {len(every)} below are what `gradsuite run` runs; figures are
those of the [reference run](../results/reference/report.html).

{cards(every)}

## Run only when named

These take longer, or examine the machine rather than the gradients, and are no part of `gradsuite run`.

{cards(alone)}
"""


def cards(shown: Iterable[type[Any]]) -> str:
    """Return a grid of experiments."""
    parts = ['<div class="grid cards" markdown>', ""]
    for one in shown:
        parts.append(f"- **[{one.name}]({one.name}.md)**\n\n    {one.question}\n")
        if drawn := pictures()[one.name]:
            parts.append(f"    [![{one.name}](../{drawn[0].path}){{ loading=lazy }}]({one.name}.md)\n")
    return "\n".join([*parts, "</div>"])


def page(one: type[Any], heading: str) -> str:
    """Return the page of one experiment."""
    words = (one.__doc__ or "").strip().split("\n\n")
    about = "\n\n".join(" ".join(words_in.split()) for words_in in words)
    parts = [f"# {one.name}", f"**{one.question}**", about, when(one)]
    if heading:
        anchor = re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        parts.append(f"The law behind it: [{heading}](../theory.md#{anchor}).")
    if drawn := pictures()[one.name]:
        parts += ["## Figures", *map(figure, drawn)]
    parts += ["## Settings", settings(one)]
    if stated := [claim for claim in claims() if claim["experiment"] == one.name]:
        parts += ["## Claims", claimed(stated)]
    return "\n\n".join(parts) + "\n"


def when(one: type[Any]) -> str:
    """Return what to type to run it, and whether it is part of the main job."""
    usual = "not part of `gradsuite run`" if one.named else "part of `gradsuite run`"
    presets = ", ".join(f"`{preset}`{' (only when it is named)' * (preset in one.apart)}" for preset in one.presets)
    text = f"It is {usual}. By itself:\n\n```\ngradsuite run {one.name}\n```\n\nPresets: {presets}."
    for preset, peers in one.peers.items():
        text += f" With `--preset {preset}` it also measures {', '.join(f'`{peer}`' for peer in peers)}."
    return text


def figure(drawn: Picture) -> str:
    """Return one figure with its title, its caption and its command."""
    name = Path(drawn.path).stem
    return (
        f'### {drawn.title} {{ #figure-{name} data-toc-label="{name}" }}\n\n'
        f"[![{drawn.title}](../{drawn.path})](../{drawn.path})\n\n"
        f"{drawn.caption}\n{{ .caption }}\n\nDrawn by `{drawn.command}`.\n{{ .caption }}"
    )


def settings(one: type[Any]) -> str:
    """Return the table of settings, with the values that each preset gives them."""
    lines = [
        f"| setting | what it is | {' | '.join(f'`{preset}`' for preset in one.presets)} |",
        "|---|---|" + "---|" * len(one.presets),
    ]
    for setting in one.settings:
        values = (", ".join(f"`{value}`" for value in preset[setting.name]) for preset in one.presets.values())
        lines.append(f"| `{setting.name}` | {describe(setting)} | {' | '.join(values)} |")
    return "\n".join(lines)


def describe(setting: Any) -> str:
    """Return a setting's help and what is allowed."""
    allowed = ""
    if setting.choices:
        allowed = "; one of " + ", ".join(f"`{choice}`" for choice in setting.choices)
    elif setting.minimum > -LARGEST:
        allowed = f"; {'more than' if setting.above else 'at least'} {setting.minimum:g}"
    return f"{setting.help}{allowed}".replace("|", "\\|")


def claimed(stated: Iterable[Mapping[str, Any]]) -> str:
    """Return the table of claims: a sentence a line, with its source and the backends for which it holds or fails."""
    by_sentence: dict[tuple[str, str], dict[str, list[str]]] = {}
    for claim in stated:
        source = claim["source"] if claim["checked"] else f"{claim['source']} (not yet looked up)"
        verdicts = by_sentence.setdefault((claim["sentence"], source), {})
        verdicts.setdefault(claim["verdict"], []).append(claim["backend"])
    lines = ["What the reference run proved or disproved.", "", "| claim | source | verdict |", "|---|---|---|"]
    for (sentence, source), verdicts in by_sentence.items():
        told = "; ".join(f"{verdict}: {', '.join(backends)}" for verdict, backends in verdicts.items())
        lines.append(f"| {literal(sentence)} | {literal(source)} | {told} |")
    return "\n".join(lines)


def literal(text: str) -> str:
    """Return text that Markdown leaves as it is."""
    return re.sub(r"[\\`*_|$<&\[\]]", lambda mark: f"&#{ord(mark[0])};", text)
