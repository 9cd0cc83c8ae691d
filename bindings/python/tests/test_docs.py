"""The pages' examples run as they stand."""

import re
from pathlib import Path

import pytest

import kerma

repository = Path(__file__).parents[3]


@pytest.mark.parametrize("page", ["bindings/python/README.md", "docs/coming-from.md"])
def test_every_example_of_a_page_runs(page, tmp_path, monkeypatch):
    text = (repository / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert blocks
    monkeypatch.chdir(tmp_path)
    kerma.demo("tg119", "patient")
    names = {"__name__": page}
    for block in blocks:
        exec(compile(block, page, "exec"), names)
