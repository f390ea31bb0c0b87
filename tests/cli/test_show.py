"""`adabench show` from the outside: a card as text, as JSON and as a page."""

import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("show")  # one set-up for all of them

PROGRAM = str(Path(sys.executable).with_name("adabench"))


@pytest.fixture(scope="module")
def env(plugin_paths: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    cache = tmp_path_factory.mktemp("cache")
    extra = {"PYTHONPATH": os.pathsep.join(plugin_paths), "ADABENCH_CACHE": str(cache)}
    return {**os.environ, **extra}


@pytest.fixture(scope="module")
def run(env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "r"
    words = ["run", "roots", "--out", str(folder), "--no-report"]
    subprocess.run([PROGRAM, *words], env=env, check=True, capture_output=True)
    return folder


def adabench(*words: object, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [PROGRAM, *map(str, words)]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_a_card_is_a_page_of_its_own(env: dict[str, str], tmp_path: Path) -> None:
    page = tmp_path / "card.html"
    done = adabench("show", "roots/residual", "--html", page, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(page)
    text = page.read_text(encoding="utf-8")
    for word in ("tolerance", "iterations, on the last relative change", "T-1", "Not judged"):
        assert word in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    HTMLParser().feed(text)


def test_a_run_adds_verdicts_and_the_plane(env: dict[str, str], run: Path, tmp_path: Path) -> None:
    page = tmp_path / "card.html"
    done = adabench("show", "roots/residual", "--html", page, "--run", run, env=env)
    assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    assert "<svg" in text
    assert "reproduced" in text
    assert "Not judged" not in text
    assert str(run.parent) not in text
    task = adabench("show", "roots", "--html", page, "--run", run, env=env)
    assert task.returncode == 0, task.stderr
    assert "coin" in page.read_text(encoding="utf-8")


def test_show_prints_the_essay_and_the_claims(env: dict[str, str]) -> None:
    text = adabench("show", "roots/residual", env=env).stdout
    assert "compute follows difficulty" in text
    assert "T-1" in text
    assert json.loads(adabench("show", "roots", "--json", env=env).stdout)["metrics"]
