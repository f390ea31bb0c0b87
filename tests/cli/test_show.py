"""`show --html` and `report --terminal`: pictures of a card and of a front."""

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

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


def test_a_front_is_drawn_and_no_page_is_written(env: dict[str, str], run: Path) -> None:
    done = adabench("report", run, "--terminal", env={**env, "COLUMNS": "70"})
    assert done.returncode == 0, done.stderr
    assert "residual" in done.stdout
    assert "\x1b[" not in done.stdout
    assert not (run / "report.html").exists()
    assert max(map(len, done.stdout.splitlines())) <= 70


def test_a_terminal_without_utf8_is_served(env: dict[str, str], run: Path) -> None:
    plain = {**env, "PYTHONIOENCODING": "ascii", "COLUMNS": "70", "PYTHONUTF8": "0"}
    done = adabench("report", run, "--terminal", env=plain)
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert "residual" in done.stdout


def test_explain_speaks_to_people_and_programs(env: dict[str, str], run: Path) -> None:
    done = adabench("explain", run, "headroom/roots/residual", env=env)
    assert done.returncode == 0, done.stderr
    for word in (
        "Samples",
        "Meter",
        "Formula (harness/analysis/headroom.py)",
        "H = area",
        "Interval",
    ):
        assert word in done.stdout
    wrong = adabench("explain", run, "headroom/roots/residuum", env=env)
    assert (wrong.returncode, "residual" in wrong.stderr) == (2, True)
    listed = adabench("explain", run, "--list", env=env)
    assert "claim/T-1 = " in listed.stdout
    assert adabench("explain", run, "123456.789", env=env).returncode == 2
