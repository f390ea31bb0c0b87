"""`adabench report RUN...`: one page over one run, or over several."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.program import adabench

pytestmark = pytest.mark.usefixtures("in_process")


@pytest.fixture(scope="module")
def recorded(
    command: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = tmp_path_factory.mktemp("recorded") / "r"
    done = command("run", "roots", "--counts", "--out", folder, "--no-report")
    assert done.returncode == 0, done.stderr
    return folder


def numbers(page: str) -> list[tuple[str, str]]:
    return re.findall(r'data-value="([^"]*)" data-ref="([^"]*)"', page)


def test_one_page_holds_several_runs(
    recorded: Path, toy_env: dict[str, str], tmp_path: Path
) -> None:
    runs = [Path(shutil.copytree(recorded, tmp_path / name)) for name in ("a", "b")]
    homeless = adabench("report", *runs, env=toy_env)
    assert homeless.returncode == 2
    assert "-o report.html" in homeless.stderr
    page = tmp_path / "page.html"
    done = adabench("report", *runs, "-o", page, env=toy_env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(page)
    text = page.read_text()
    assert text.count('<article class="run"') == 2
    first = text
    adabench("report", *runs, "-o", page, env=toy_env)
    assert page.read_text() == first


def test_its_claims_are_those_of_claims_json(
    recorded: Path, toy_env: dict[str, str], tmp_path: Path
) -> None:
    shutil.copytree(recorded, tmp_path / "r")
    told = json.loads(adabench("claims", tmp_path / "r", "--json", env=toy_env).stdout)
    adabench("report", tmp_path / "r", env=toy_env)
    page = (tmp_path / "r" / "report.html").read_text()
    drawn = {ref: float(value) for value, ref in numbers(page)}
    known = [(i, key) for i, row in enumerate(told) for key in ("estimate", "low", "high", "n")
             if row[key] is not None]  # fmt: skip
    assert known
    for i, key in known:
        ref = f"claims/{i}/{key}"
        assert drawn[ref] == told[i][key], ref
    assert "Look inside" in page
    assert '"inside":[[' in page
