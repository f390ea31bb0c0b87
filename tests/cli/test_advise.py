"""`adabench bank` and `adabench advise` from the outside, on the builtin model: it knows nothing, and is told so."""

import json
from pathlib import Path

import pytest

pytest.importorskip("transformers", reason="the extra `real` is not installed")

from adabench.cli.commands.advise import page
from adabench.harness.decision.advice import Prices, advice_of
from adabench.harness.store import run_folder
from adabench.reports.notebook.advise_call import ModelAdvice, answers_of
from adabench.reports.notebook.run_view import load
from tests.cli.program import adabench

pytestmark = [pytest.mark.models, pytest.mark.usefixtures("here")]


def test_advice_is_one_sentence_a_picture_and_the_table_behind_it(tmp_path: Path) -> None:
    done = adabench(
        "advise", "--model", "builtin", "--set", "room=8", "--set", "problems=6", "--samples", 2,
        "--time", "2s", "--price", "in=1,out=2", "--json", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["chosen"] == "greedy"
    assert found["baseline"]["questions"] == 6
    assert found["ceiling"] == 0.0
    assert {one["option"] for one in found["options"]} >= {"majority(N=2)", "ttspm(N=2)"}
    assert not any(one["option"].startswith("pass_at_n") for one in found["options"])
    assert all(one["ratio"] >= 1 and one["price"] > 0 for one in found["options"])
    folder = tmp_path / found["folder"]
    assert (folder / "bank" / "bank.json").is_file()
    run = load(folder / "selections")
    advice = advice_of(answers_of(run_folder.records(run.folder)), "greedy", Prices(1.0, 2.0))
    assert not any(one.option.startswith("pass_at_n") for one in advice.options)
    shown = page(ModelAdvice(advice, folder, (run,), found["ceiling"], 2.0)).splitlines()
    assert shown[0] == advice.sentence
    assert shown[0].endswith(("use greedy.", "until it is."))
    assert any(line.lstrip().startswith("majority(N=2)") for line in shown)
    assert any("per 1,000" in line for line in shown)


@pytest.mark.thorough
def test_for_a_deadline_answers_are_timed(tmp_path: Path) -> None:
    done = adabench(
        "advise", "--model", "builtin", "--set", "room=8", "--set", "problems=6", "--samples", 2,
        "--time", "2s", "--deadline", "1h", "--json", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["baseline"]["slowest_s"] > 0
    assert all(one["slowest_s"] > 0 for one in found["options"])


def test_a_bank_is_drawn_asked_and_joined(tmp_path: Path) -> None:
    def bank_of(name: str, seed: int) -> dict[str, object]:
        done = adabench(
            "bank", "--model", "builtin", "--set", "room=8", "--samples", 2, "--problems", 2,
            "--seed", seed, "--out", tmp_path / name, "--json",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found: dict[str, object] = json.loads(done.stdout)
        return found

    assert bank_of("a", 0)["questions"] == bank_of("b", 1)["questions"] == 2
    done = adabench(
        "bank", "--merge", tmp_path / "a", "--merge", tmp_path / "b", "--out", tmp_path / "c",
        "--json",
    )  # fmt: skip
    assert json.loads(done.stdout)["questions"] == 4
    asked = ("run", "text/majority", "text/beam", "--alone", "--model", "builtin", "--set", "N=2")
    more = ("--set", "problems=4", "--seeds", 0, "--data", f"bank:{tmp_path / 'c'}", "--no-report")
    timed = adabench(*asked, *more, "--repeats", 2, "--out", tmp_path / "r")
    assert timed.returncode == 2
    assert "--repeats cannot be had with it" in timed.stderr
    done = adabench(*asked, *more, "--json", "--out", tmp_path / "r")
    assert done.returncode == 0, done.stderr
    assert "It is counted, as with --counts." in done.stderr
    assert "text/beam needs steps" in done.stderr
    assert {row["method"] for row in json.loads(done.stdout)["summary"]} == {"majority"}


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("advise", "--model", "nothing"), "nothing"),
        (("advise", "--model", "builtin", "--price", "in=1"), "are no prices"),
        (("advise", "--model", "builtin", "--set", "no=1"), "is no condition"),
        (("bank", "--model", "builtin", "--out", "b", "--data", "bank:x"), "whole completions"),
        (("bank", "--merge", "a", "--out", "b"), "name two banks at least"),
        (("bank", "--merge", "a", "--merge", "b", "--out", "c"), "is no bank of samples"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(
    words: tuple[str, ...], problem: str, tmp_path: Path
) -> None:
    done = adabench(*words, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert problem in done.stderr
    assert "Traceback" not in done.stderr
