import os
import stat
from pathlib import Path

import pytest
from gradsuite.errors import UserError
from gradsuite.runs.drafts import replaced


def test_a_file_is_replaced_whole(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("old")
    file.chmod(0o640)
    with replaced(file) as output:
        output.write(b"new")
        output.flush()
        assert file.read_text() == "old"
    assert file.read_text() == "new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
@pytest.mark.parametrize("there", [True, False])
def test_what_is_broken_off_leaves_what_was_there(tmp_path, error, there):
    file = tmp_path / "rows.csv"
    if there:
        file.write_text("old")

    def broken_off():
        with replaced(file) as output:
            output.write(b"half of the new")
            raise error

    with pytest.raises(error):
        broken_off()
    assert [one.read_text() for one in tmp_path.iterdir()] == ["old"] * there


def test_a_link_stays_one_and_its_file_is_replaced(tmp_path):
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("old")
    link.symlink_to("file")
    with replaced(link) as output:
        output.write(b"new")
    assert link.is_symlink()
    assert file.read_text() == "new"


def test_what_is_no_file_is_written_to_as_it_is():
    with replaced(Path(os.devnull)) as output:
        output.write(b"gone")
    assert not os.path.isfile(os.devnull)  # noqa: PTH113


def test_where_nothing_can_be_written_a_line_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    for place, cause in (("file/x", "Not a directory"), ("none/x", "No such file or directory")):
        with pytest.raises(UserError, match=f"cannot write '.*{place}': {cause}"), replaced(tmp_path / place):
            pass
