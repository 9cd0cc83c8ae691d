"""The notebooks run from top to bottom, and are kept without their output."""

from pathlib import Path

import pytest

notebooks = sorted((Path(__file__).parents[3] / "examples" / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks():
    assert len(notebooks) >= 5


@pytest.mark.parametrize("path", notebooks, ids=lambda p: p.stem)
def test_a_notebook_runs(path):
    for needed in ("ipykernel", "matplotlib", "xarray", "distributed", "pyarrow"):
        pytest.importorskip(needed)
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.read(path, as_version=4)
    code = [c for c in notebook.cells if c.cell_type == "code"]
    assert all(not c.outputs and c.execution_count is None for c in code), "strip the output before a commit"
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute()
