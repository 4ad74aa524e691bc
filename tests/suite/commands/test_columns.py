import pandas as pd
from gradsuite.commands._columns import columns, table_text
from gradsuite.experiment import Table


def test_columns_are_aligned_and_lines_have_no_trailing_blanks():
    assert columns([("a", "bb", ""), ("ccc", "d", "e"), ("", "", "")]) == "a    bb\nccc  d   e\n"


def test_a_table_is_its_names_and_its_rows():
    table = Table("T", "C.", pd.DataFrame({"name": ["a", "bb"], "n": [1, 20]}))
    assert table_text(table) == "name  n\na     1\nbb    20"
