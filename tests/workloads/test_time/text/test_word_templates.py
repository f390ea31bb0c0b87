"""Word problems of templates: held out from practice, graded as numbers, without their package refused."""

import importlib.util
import pickle
import re
import sys
from pathlib import Path

import pytest

from adabench.harness.errors import EnvironmentProblem, MissingExtra, SelectionError
from adabench.harness.run.guards.truth_guard import is_truth
from adabench.workloads.shared.sources.data_spec import DataSpec, data_spec
from adabench.workloads.test_time.text import task as text
from adabench.workloads.test_time.text.substrate.stated_answers import number
from adabench.workloads.test_time.text.truth import word_templates
from adabench.workloads.test_time.text.truth.grading import equal
from adabench.workloads.test_time.text.truth.question_rows import row_count
from adabench.workloads.test_time.text.truth.question_sets import question_set
from adabench.workloads.test_time.text.truth.word_templates import (
    HELD_OUT,
    PRACTICE,
    WORKED,
    problems,
    rows,
    worked_examples,
)

FOUND = importlib.util.find_spec(word_templates.PACKAGE)
WORDS = DataSpec("gsm_symbolic")
installed = pytest.mark.skipif(
    FOUND is None, reason="needs `pip install --no-deps reasoning-gym==0.1.25`"
)


def test_templates_are_held_out_or_for_practice():
    left_out = word_templates.BROKEN | word_templates.CUT
    assert set(HELD_OUT).isdisjoint(PRACTICE)
    assert left_out.isdisjoint({*HELD_OUT, *PRACTICE})
    assert sorted({*HELD_OUT, *PRACTICE, *left_out}) == list(range(100))
    assert set(WORKED) <= set(PRACTICE)


@pytest.mark.parametrize("data", ["gsm_symbolic:p1", "gsm_symbolic_p2", "gsm-symbolic"])
def test_a_variant_that_there_is_not_is_refused(data: str) -> None:
    with pytest.raises(SelectionError, match="names no questions") as problem:
        data_spec(data)
    assert "gsm_symbolic" in problem.value.hint


def test_without_the_package_a_run_says_what_brings_it(monkeypatch):
    monkeypatch.setattr(word_templates, "PACKAGE", "no_such_package_of_templates")
    word_templates._generators.cache_clear()
    given = {"model": "builtin", "data": "gsm_symbolic"}
    with pytest.raises(MissingExtra, match="reasoning-gym is not installed") as problem:
        text.check_conditions(given)
    assert "pip install --no-deps reasoning-gym" in problem.value.hint


def test_a_package_that_is_another_one_is_named(monkeypatch, tmp_path: Path):
    (tmp_path / "other_gym").mkdir()
    (tmp_path / "other_gym" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(word_templates, "PACKAGE", "other_gym")
    word_templates._generators.cache_clear()
    with pytest.raises(EnvironmentProblem, match="is not as it was") as problem:
        rows(0, 1)
    assert "reasoning-gym==" in problem.value.hint


@installed
def test_the_package_calls_the_same_templates_broken():
    assert FOUND is not None
    assert FOUND.submodule_search_locations is not None
    place = Path(FOUND.submodule_search_locations[0]) / word_templates.PLACE / "gsm_symbolic.py"
    listed = re.search(r"tasks_need_fix = \[([^]]*)\]", place.read_text(encoding="utf-8"))
    assert listed is not None
    assert set(map(int, listed[1].split(","))) == word_templates.BROKEN


@installed
def test_the_package_itself_is_not_imported():
    word_templates._generators.cache_clear()
    before = {name for name in sys.modules if name.startswith(word_templates.PACKAGE)}
    rows(0, 1)
    assert {name for name in sys.modules if name.startswith(word_templates.PACKAGE)} == before


@installed
def test_seeds_go_on_through_the_templates_with_other_problems():
    first, again, second = rows(0, 40), rows(0, 40), rows(1, 40)
    assert first == again
    questions = [row.question for row in (*first, *second)]
    assert len(set(questions)) == 80
    own = [str(next(problems(name, "any")).steps) for name in HELD_OUT]
    assert [row.level for row in first] == own * 2
    assert [row.level for row in rows(1, 2)] == own[2:4], "two of a seed are not the same templates"


@installed
def test_a_level_is_a_number_of_steps():
    assert {row.level for row in rows(3, 12, "4")} == {"4"}
    with pytest.raises(SelectionError, match="no questions of level '9'") as problem:
        rows(0, 1, "9")
    assert "7" in problem.value.hint
    assert row_count(WORDS) == 0, "there is no end of them"


@installed
def test_examples_are_of_practice_and_are_worked_to_their_answers():
    practice = {next(problems(name, "worked")).question for name in PRACTICE}
    found = question_set(WORDS, 0, 20)
    assert [example for row in found.rows for example in found.examples_of(row)] == [
        *worked_examples()
    ] * 20
    for question, solution in worked_examples():
        assert question in practice
        *steps, last = solution.splitlines()
        assert [step.partition(":")[0] for step in steps] == [
            f"Step {place}" for place in range(1, len(steps) + 1)
        ]
        assert re.findall(r"= £?(\d+)", steps[-1])[-1] == last.removeprefix("Answer: ")


@installed
def test_every_answer_is_a_number_above_nought_and_every_number_is_short():
    for row in rows(0, 400):
        right = number(row.answer)
        assert right is not None
        assert right > 0
        assert not re.search(r"\.\d{4,}", row.question)


@pytest.mark.parametrize(
    ("stated", "right"), [("£1,050", "1050"), ("€12.50", "12.5"), ("24 hours a week", "24")]
)
def test_answers_are_numbers_with_a_currency_or_a_unit(stated: str, right: str) -> None:
    assert equal(right, stated)
    assert not equal(right, "£7")


@installed
def test_what_methods_get_holds_no_answer():
    assert is_truth(word_templates.__name__), "methods cannot import it"
    task = text.load("embedded", 0, model="builtin", data="gsm_symbolic", problems=20)
    given = pickle.dumps(task.substrate())
    assert b"truth" not in given
    assert not hasattr(pickle.loads(given), "questions")
    codec = task.domain.codec
    for question, row in zip(task.cases(), rows(0, 20), strict=True):
        for prompt in (question.prompt, question.bare):
            before, _, asked = codec.decode(prompt).rpartition("Problem: ")
            assert asked == codec.decode(codec.encode(f"{row.question}\n"))
            assert row.question not in before
    rights = task.grader.golds
    assert rights == tuple(row.answer for row in rows(0, 20))
    assert task.grader.is_right(1, codec.encode(f"Answer: {rights[1]} kids\n"))
