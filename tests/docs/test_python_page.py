"""The page of the Python API is true: its code blocks run, one after the other, in an empty folder."""

import doctest
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.xdist_group("paging")
@pytest.mark.usefixtures("session")
def test_every_code_block_runs_and_prints_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) > 5
    test = doctest.DocTestParser().get_doctest(
        "\n".join(blocks), {"__name__": "__main__"}, PAGE.name, str(PAGE), 0
    )
    said: list[str] = []
    done = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.append)
    assert done.failed == 0, "".join(said)
    assert done.attempted > 20
