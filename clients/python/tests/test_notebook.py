"""The notebook of examples/ runs from its first to its last cell, and its numbers are right."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

notebook = Path(__file__).parents[3] / "examples" / "trainability-and-generalization.ipynb"


def last_value(cell: nbformat.NotebookNode) -> str:
    return str([one for one in cell.outputs if one.output_type == "execute_result"][-1]["data"]["text/plain"])


@pytest.mark.skipif(not notebook.exists(), reason="the examples are not beside the client")
def test_the_notebook_runs(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TESSERA_URL", url)
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    for name in ("JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    book = nbformat.read(notebook, as_version=4)
    NotebookClient(book, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    slopes = ast.literal_eval(last_value(next(cell for cell in code if cell.source.endswith("\nslopes"))).replace("np.float64", ""))
    assert slopes == pytest.approx({1.25: 1, 1.5: 1}, abs=0.05)
    ratio = next(cell for cell in code if "lambda_max.sel(weight_variance=1.25)" in cell.source.splitlines()[-1])
    assert float(last_value(ratio)) == pytest.approx(1, abs=0.1)
    figures = [one for cell in code for one in cell.outputs if "image/png" in one.get("data", {})]
    assert len(figures) == 4
