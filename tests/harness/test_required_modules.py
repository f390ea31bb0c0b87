"""A module that an extra brings: absent, or there and broken by what it needs; each ends in a sentence."""

from pathlib import Path

import pytest

from adabench.harness.errors import EnvironmentProblem, MissingExtra, require


def test_an_absent_module_names_the_extra_that_brings_it() -> None:
    with pytest.raises(MissingExtra, match="no_such_module is not installed") as caught:
        require("no_such_module", extra="cluster")
    assert "adabench[cluster]" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "source", "said"),
    [
        ("planted_driver", "raise KeyError('ROCM_PATH')", "KeyError: 'ROCM_PATH'"),
        ("planted_library", "raise OSError('libx.so: cannot open')", "OSError: libx.so"),
        ("planted_needs", "import no_such_module", "ModuleNotFoundError: No module named"),
        ("planted_silent", "raise RuntimeError", "RuntimeError: "),
    ],
)
def test_one_that_is_there_and_broken_says_by_what(
    name: str, source: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(EnvironmentProblem) as caught:
        require(name, extra="cluster")
    assert not isinstance(caught.value, MissingExtra)
    assert f"{name} is installed, and its import ends with {said}" in caught.value.message
