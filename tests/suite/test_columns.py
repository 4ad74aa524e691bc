from gradsuite.columns import columns


def test_columns_are_aligned_and_lines_have_no_trailing_blanks():
    assert columns([("a", "bb", ""), ("ccc", "d", "e"), ("", "", "")]) == "a    bb\nccc  d   e\n"
