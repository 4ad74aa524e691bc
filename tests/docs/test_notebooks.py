"""Every notebook of the documentation runs from its first cell to its last, and is stored without what it printed."""

import nbclient
import nbformat
import pytest

from tests.docs.blocks import ROOT

NOTEBOOKS = sorted((ROOT / "docs" / "examples").glob("*.ipynb"))


def opened(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


@pytest.fixture
def execute(tmp_path, monkeypatch):
    """Execute a notebook in an empty folder, as Jupyter does."""
    for folder in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(folder, str(tmp_path / folder))  # no settings or kernels of the user's, and no traces
    (tmp_path / "work").mkdir()

    def execute(notebook):
        about = {"metadata": {"path": str(tmp_path / "work")}}
        return nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3", resources=about).execute()

    return execute


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs(path):
    cells = [cell for cell in opened(path).cells if cell.cell_type == "code"]
    assert cells
    assert all(cell.outputs == [] and cell.execution_count is None for cell in cells)


def test_the_notebook_runs_and_shows_its_figures(execute):
    done = execute(opened(ROOT / "docs" / "examples" / "gradients.ipynb"))
    outputs = {cell.id: cell.outputs for cell in done.cells if cell.cell_type == "code"}
    assert {
        name for name, shown in outputs.items() if any("image/png" in output.get("data", {}) for output in shown)
    } == {
        "by-lag",
        "figure",
    }
    assert not [output for shown in outputs.values() for output in shown if output.output_type == "stream"]
    assert "4 ok" in outputs["run"][0].data["text/plain"]


def test_a_cell_that_fails_fails_the_test(execute):
    notebook = opened(ROOT / "docs" / "examples" / "gradients.ipynb")
    notebook.cells = [nbformat.v4.new_code_cell("assert 1 == 2, 'a fault in a cell'")]
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="a fault in a cell"):
        execute(notebook)
