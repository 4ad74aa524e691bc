"""The check that a built site fetches nothing from elsewhere finds what it is there to find, and nothing else."""

from importlib.util import module_from_spec, spec_from_file_location

import pytest

from tests.docs.blocks import ROOT

SPEC = spec_from_file_location("offline", ROOT / "docs" / "_build" / "offline.py")
offline = module_from_spec(SPEC)
SPEC.loader.exec_module(offline)

FETCHES = {
    "script": '<script src="https://elsewhere.example/a.js"></script>',
    "script without a scheme": "<script src='//elsewhere.example/a.js'></script>",
    "style": '<link rel="stylesheet" href="https://elsewhere.example/a.css">',
    "font by a hint": '<link rel="preconnect" href="https://elsewhere.example">',
    "image": '<img alt="" src="http://elsewhere.example/a.png">',
    "one of several images": '<img alt="" srcset="a.png 1x, https://elsewhere.example/a.png 2x">',
    "frame": '<iframe src="https://elsewhere.example"></iframe>',
    "url in a style element": "<style>p { background: url('https://elsewhere.example/a.png') }</style>",
    "url in a style attribute": '<p style="background: url(//elsewhere.example/a.png)"></p>',
    "import": '<style>@import "https://elsewhere.example/a.css";</style>',
}
WHOLE = """
<link rel="canonical" href="https://here.example/"><link rel="stylesheet" href="a.css"><script src="b.js"></script>
<a href="https://elsewhere.example">a link</a> <code>url(https://elsewhere.example)</code>
<img alt="" src="data:image/png;base64,AA=="><math xmlns="http://www.w3.org/1998/Math/MathML"></math>
"""


@pytest.mark.parametrize("page", FETCHES.values(), ids=FETCHES)
def test_what_a_page_fetches_is_found(page, tmp_path, capsys):
    (tmp_path / "index.html").write_text(page)
    assert offline.main(tmp_path) == 1
    assert "elsewhere.example" in capsys.readouterr().out


def test_what_a_style_sheet_fetches_is_found(tmp_path):
    (tmp_path / "index.html").write_text(WHOLE)
    (tmp_path / "a.css").write_text("@font-face { src: url(https://elsewhere.example/a.woff2) }")
    assert offline.main(tmp_path) == 1


def test_a_whole_site_passes(tmp_path):
    (tmp_path / "index.html").write_text(WHOLE)
    assert offline.main(tmp_path) == 0


def test_no_pages_is_a_fault(tmp_path):
    assert offline.main(tmp_path) == 1
