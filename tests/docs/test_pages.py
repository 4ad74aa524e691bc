"""Every Python block that no guide walks through is run, page by page, each page in a namespace of its own."""

import pytest

from tests.docs.blocks import ROOT, blocks

# Typed into a clean environment by tests/kit.
GUIDES = ("writing-a-backend.md", "writing-a-cell.md", "writing-an-experiment.md")
# What a page is about, where it is not installed everywhere.
NEEDED = {"clusters.md": "distributed", "diagnose.md": "torch", "watching-a-training.md": "torch"}
PAGES = [page for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))] if page.name not in GUIDES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_says_to_run_runs(page, tmp_path, monkeypatch):
    pytest.importorskip(NEEDED.get(page.name, "gradsuite"))
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": page.stem}
    for block in blocks(page):
        if block.language == "python" and block.title is None:
            code = "\n" * (block.line - 1) + block.text  # so that an error names the page's own line
            exec(compile(code, str(page), "exec"), namespace)


def test_blocks_are_found():
    found = list(blocks(ROOT / "docs" / GUIDES[0]))
    assert {block.language for block in found} >= {"console", "python"}
    assert sum("```" in line for line in (ROOT / "docs" / GUIDES[0]).read_text().splitlines()) == 2 * len(found)
