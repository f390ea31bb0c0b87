"""Options under the names that they had before: read for one release, with a note on stderr."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from adabench.harness.contract.earlier_options import EARLIER, command_today, in_todays_words
from adabench.harness.store import run_folder

READS = ("<all files>",)
"""For tests/suite/dependencies.py."""

Command = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/**/*.md",
    "docs/examples/**/*",
    ".github/**/*.yml",
    "Makefile",
    "workloads/papers/*.toml",
)
CODE = ("cli", "harness", "profilers", "reports", "workloads")


def test_an_earlier_name_does_what_todays_name_does_and_is_said(
    command: Command, toy_env: dict[str, str], tmp_path: Path
) -> None:
    run = tmp_path / "r"
    words = ("run", "roots/fixed", "--seeds", "0", "--no-report", "--out", run)
    done = command(*words, "--defaults", "--per-case=2", "--timeout", "60", env=toy_env)
    assert done.returncode == 0, done.stderr
    for name, today in (("--defaults", "--no-sweep"), ("--per-case", "--max-time-per-case")):
        assert f"{name} is now called {today}" in done.stderr
    asked = run_folder.read_manifest(run)["asked"]
    assert (asked["star"], asked["per_case_s"]) == (False, 2.0)
    for limit in ("--timeout", "--time-limit"):
        again = command("run", "--resume", run, "--no-report", limit, "60", env=toy_env)
        assert again.returncode == 0, again.stderr
        assert ("is now called" in again.stderr) == (limit == "--timeout")


@pytest.mark.parametrize("verb", EARLIER)
def test_the_help_has_todays_names_alone(command: Command, verb: str) -> None:
    names = set(re.findall(r"--[a-z][a-z-]*", command(verb, "--help").stdout))
    assert names >= set(EARLIER[verb].values())
    assert not names & EARLIER[verb].keys()


def test_what_stands_after_two_dashes_is_no_option() -> None:
    assert in_todays_words("run", ["--meter=x", "--", "--meter"]) == [
        "--energy-meter=x",
        "--",
        "--meter",
    ]
    assert in_todays_words("gate", ["--budget", "5m"]) == ["--budget", "5m"]


def test_a_recorded_command_is_shown_in_todays_words() -> None:
    recorded = ["adabench", "run", "paging/lru", "--defaults", "--steady", 2]
    assert command_today(recorded) == [
        "adabench",
        "run",
        "paging/lru",
        "--no-sweep",
        "--warmup",
        "2",
    ]
    assert command_today(["adabench"]) == ["adabench"]


def test_no_page_and_no_message_says_an_earlier_name() -> None:
    names = "|".join(EARLIER["run"].keys() - {"--budget"})  # `gate` has a --budget
    earlier = re.compile(rf"(?<![\w-])({names})(?![\w-])")
    files = [path for pattern in PAGES for path in ROOT.glob(pattern) if path.is_file()]
    files += [path for folder in CODE for path in (ROOT / folder).rglob("*.py")]
    files = [path for path in files if path.name != "earlier_options.py"]
    assert [path for path in files if earlier.search(path.read_text(encoding="utf-8"))] == []
