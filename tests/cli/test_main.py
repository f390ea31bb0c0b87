"""The program around its verbs: help, version, completion, and readers that leave early."""

import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from adabench.cli.main import VERBS
from tests.cli.program import PROGRAM, adabench

READS = ("<all recipes>",)
"""For tests/suite/dependencies.py."""

GROUPS = ("hardware", "new")


pytestmark = pytest.mark.usefixtures("here")


def unread(*words: object, env: Mapping[str, str]) -> tuple[int, str]:
    """Run a command whose stdout nobody reads; return its exit code and what it says."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [PROGRAM, *map(str, words)],
            env=env, stdout=writing, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    finally:
        os.close(writing)
    return done.returncode, done.stderr


@pytest.fixture(scope="module")
def run(env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "r"
    words = ["run", "--alone", "roots/fixed", "roots/residual", "--counts", "--no-report"]
    command = [PROGRAM, *words, "--out", str(folder)]
    subprocess.run(command, env=env, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_a_verb_is_a_file_of_its_name_and_is_listed_with_its_own_words(verb: str) -> None:
    module = importlib.import_module(f"adabench.cli.commands.{verb}")
    own = module.app.info.help if verb in GROUPS else module.command.__doc__
    assert VERBS[verb] == own.splitlines()[0]


def test_the_folder_of_verbs_holds_verbs_and_parts_of_gate_and_show() -> None:
    [folder] = importlib.import_module("adabench.cli.commands").__path__
    names = {path.stem for path in Path(folder).glob("*.py")}
    assert names == {*VERBS, "checkpoint_figures", "gate_output"}


@pytest.mark.parametrize("words", [("--help",), ("-h",), ("list", "--help"), ("claims", "-h")])
def test_a_verb_is_imported_only_when_it_is_meant(words: tuple[str, ...]) -> None:
    code = (
        "import json, sys; sys.argv = ['adabench', *json.loads(sys.argv[1])]\n"
        "from adabench.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, json.dumps(words)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = {name for name in json.loads(done.stdout.splitlines()[-1])
              if name.startswith("adabench.cli.commands.")}  # fmt: skip
    assert loaded == {f"adabench.cli.commands.{word}" for word in words if word in VERBS}


def test_h_is_help_everywhere() -> None:
    for words in ((), ("run",), ("hardware",), ("hardware", "check")):
        short, long = adabench(*words, "-h"), adabench(*words, "--help")
        assert (short.returncode, long.returncode) == (0, 0)
        assert short.stdout == long.stdout
        assert "-h, --help" in short.stdout


def test_every_verb_is_in_the_help() -> None:
    page = adabench("--help").stdout
    assert all(re.search(rf"^  {verb} +\S", page, re.MULTILINE) for verb in VERBS)


def test_the_version_is_that_of_the_distribution() -> None:
    from importlib.metadata import version

    done = adabench("--version")
    assert (done.returncode, done.stdout) == (0, f"adabench {version('adabench')}\n")


def test_the_help_has_five_groups() -> None:
    page = adabench("--help").stdout
    heads = re.findall(r"^(\w+):$", page, re.MULTILINE)
    assert heads == ["Options", "Measure", "Read", "Compare", "Extend", "Machine"]


@pytest.mark.cold
@pytest.mark.parametrize("module", ["adabench", "adabench.cli.main"])
def test_the_module_runs_as_the_program_does(module: str) -> None:
    command = [sys.executable, "-P", "-m", module]
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert all(verb in done.stdout for verb in VERBS)
    wrong = subprocess.run([*command, "run", "rots"], capture_output=True, text=True, check=False)
    assert (wrong.returncode, "No task matches 'rots'" in wrong.stderr) == (2, True)


def test_an_unknown_verb_names_the_near_one() -> None:
    done = adabench("lits")
    assert done.returncode == 2
    assert "Did you mean 'list'" in done.stderr


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("adabench cl", "claims"), ("adabench run --rac", "--race"),
     ("adabench hardware ca", "calibrate")],
)  # fmt: skip
def test_a_shell_completes_verbs_and_options(typed: str, offered: str) -> None:
    asked = {
        "_ADABENCH_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
    }
    done = adabench(env={**os.environ, **asked})
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [offered]


def test_the_completion_script_is_printed() -> None:
    script = {**os.environ, "_ADABENCH_COMPLETE": "source_bash"}
    done = adabench(env=script)
    assert "complete_bash" in done.stdout


def test_list_piped_into_head_is_no_error(env: dict[str, str]) -> None:
    pipeline = f"set -o pipefail; '{PROGRAM}' list | head -2"
    done = subprocess.run(
        ["bash", "-c", pipeline], env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 2


def test_no_verb_minds_that_nobody_reads(
    env: dict[str, str], run: Path, tmp_path: Path
) -> None:  # fmt: skip
    out = tmp_path / "out"
    verbs: dict[str, tuple[object, ...]] = {
        "tour": ("tour", "--help"),
        "new": ("new", "method", "roots/mine", "-o", tmp_path / "mine.py"),
        "run": ("run", "roots/fixed", "--no-sweep", "--seeds", "0", "--out", out, "--no-report"),
        "reproduce": ("reproduce", "ets", "--dry-run"),
        "advise": ("advise", "--help"),
        "bank": ("bank", "--help"),
        "serve": ("serve", "--help"),
        "power": ("power", "--help"),
        "list": ("list",),
        "show": ("show", "roots"),
        "claims": ("claims", run),
        "report": ("report", run, "--terminal"),
        "export": ("export", run, "--csv"),
        "explain": ("explain", run, "--list"),
        "publish": ("publish", tmp_path / "site", run),
        "merge": ("merge", run, "--out", tmp_path / "merged"),
        "compare": ("compare", run, run),
        "gate": ("gate", run, run),
        "check": ("check", "roots/fixed"),
        "train": ("train",),
        "doctor": ("doctor",),
        "trace": ("trace", "roots/fixed", "--out", tmp_path / "t"),
        "hardware": ("hardware", "--help"),
        "--help": ("--help",),
        "--version": ("--version",),
    }
    assert verbs.keys() >= VERBS.keys()
    for name, words in verbs.items():
        code, talk = unread(*words, env=env)
        expected = adabench(*words, env=env).returncode if name in ("compare", "gate") else 0
        assert code == expected, (name, talk)
        assert "Traceback" not in talk, (name, talk)
        assert "Broken pipe" not in talk, (name, talk)
    assert list(out.glob("records.jsonl"))


def test_a_broken_pipe_of_our_own_is_a_bug_and_is_shown() -> None:
    code = (
        "import adabench.cli.commands.list as verb\n"
        "def broken(*_): raise BrokenPipeError(32, 'Broken pipe')\n"
        "verb.method_rows = broken\n"
        "import sys; sys.argv = ['adabench', 'list', '--json']\n"
        "from adabench.cli.main import main\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "BrokenPipeError" in done.stderr
