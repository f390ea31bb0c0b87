"""A bank of the builtin model: what is replayed is what was drawn, at its cost; what it does not hold is refused."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers", reason="the extra `real` is not installed")

from adabench.harness.contract import registry
from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.workloads.shared.language_model.backends.text_pieces import TextPieces
from adabench.workloads.shared.language_model.bank.bank_engine import BankEngine
from adabench.workloads.shared.language_model.bank.sample_bank import (
    BankedQuestion,
    SampleBank,
    read_bank,
)
from adabench.workloads.shared.language_model.contract import CapabilityMissing, Costs
from adabench.workloads.shared.sources.data_spec import data_spec
from adabench.workloads.test_time.text import task as text
from adabench.workloads.test_time.text.substrate.banked_models import step_ends
from adabench.workloads.test_time.text.substrate.likelihood import LikelihoodJudge
from adabench.workloads.test_time.text.substrate.shared_prefix import SharedPrefix
from adabench.workloads.test_time.text.substrate.text_task import GradedText
from adabench.workloads.test_time.text.training.bank import draw_bank
from adabench.workloads.test_time.text.training.draw_process import DrawProcess
from adabench.workloads.test_time.text.truth.bank_draws import (
    Ask,
    BankRequest,
    drawn,
    fill_bank,
    together,
)
from adabench.workloads.test_time.text.truth.question_sets import question_set

QUESTIONS, SAMPLES = 3, 4
LIVE: dict[str, Any] = {"model": "builtin", "room": 20}
UNSEEN = {"idle_flops", "kv_peak", "kv_peak_bytes", "kv_token_steps"}
"""Of a cache and of padding, which a bank has not."""


def draw(folder: Path, **given: Any) -> SampleBank:
    asked = {"samples": SAMPLES, "seed": 0, **given}
    return draw_bank(folder, {**LIVE, "problems": QUESTIONS}, **asked)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("banks") / "bank"
    draw(found)
    return found


@pytest.fixture(scope="module")
def live() -> GradedText:
    return text.load("embedded", 0, problems=QUESTIONS, **LIVE)


@pytest.fixture(scope="module")
def banked(folder: Path) -> GradedText:
    return text.load("embedded", 0, model="builtin", data=f"bank:{folder}", problems=QUESTIONS)


def solved(task: GradedText, name: str, **point: Any) -> list[tuple[str, Any, dict[str, float]]]:
    """Return of each question what was answered, how it is judged, and what it cost."""
    entry = registry.find(f"text/{name}")
    method = registry.load(entry)
    given = task.oracle_substrate() if entry.card.role == "oracle" else task.substrate()
    vars(given)["models"] = task.models
    setting = {knob.name: knob.default for knob in entry.card.knobs} | point
    found = []
    for question in task.cases():
        given.meter.clear()
        outcome = given.account(question, method.solve(given, question, setting))
        counts = {k: v for k, v in given.meter.items() if not k.endswith("_s") and k not in UNSEEN}
        outcome = task.completion_of(outcome)
        judged = task.judge(question, outcome)
        found.append((task.domain.codec.decode(outcome), judged, counts))
    return found


@pytest.mark.thorough
def test_a_process_beside_draws_the_same_and_says_when_it_is_gone(live: GradedText) -> None:
    given = {**text.CARD.defaults, **LIVE, "problems": QUESTIONS}
    asks = [Ask(2, 0, SAMPLES), Ask(1, 1, SAMPLES)]
    with closing(DrawProcess(given, 0, threads=1)) as beside:
        assert beside(asks) == drawn(live, asks)
        beside.process.kill()
        with pytest.raises(EnvironmentProblem, match="ended before its time"):
            beside(asks)


def test_a_bank_holds_what_several_draw(live: GradedText, tmp_path: Path, folder: Path) -> None:
    batches: list[list[int]] = []

    def draw(asks: Sequence[Ask]) -> list[BankedQuestion]:
        batches.append([ask.index for ask in asks])
        return drawn(live, asks)

    given = {**text.CARD.defaults, **LIVE, "problems": QUESTIONS}
    rows = question_set(data_spec("arithmetic"), 0, QUESTIONS, "").rows
    found = fill_bank(BankRequest(tmp_path / "bank", SAMPLES, given), live, rows, [draw, draw])
    assert found.digest == read_bank(folder).digest
    assert batches in ([], [[0, 1, 2]])  # one batch: whoever took it


def test_words_that_samples_share_are_run_once(live: GradedText) -> None:
    asks = [Ask(0, 0, SAMPLES), Ask(1, 0, SAMPLES)]
    apart, work = drawn(live, asks), live.models.policy.costs.meter["flops"]
    own = text.load("embedded", 0, problems=QUESTIONS, **LIVE)
    merged = together(own)
    found = drawn(merged, asks)
    assert [[one.words for one in question.samples] for question in found] == [
        [one.words for one in question.samples] for question in apart
    ]
    assert [question.greedy.flops for question in found] == [one.greedy.flops for one in apart]
    assert merged.models.policy.costs.meter["flops"] < work


def test_likelihood_judges_a_bank_as_it_judged_the_model(folder: Path) -> None:
    bank = read_bank(folder)
    policy = SharedPrefix(BankEngine(bank), ())
    judge = LikelihoodJudge(policy, step_ends(bank))
    policy.reset(Costs())
    for question in bank.questions.values():
        leaves = policy.fork(policy.open(TextPieces().encode(question.prompt)), SAMPLES)
        policy.decode(leaves, max_new=bank.header.room, temperature=bank.header.temperature)
        for scores, sample in zip(judge.scores(leaves), question.samples, strict=True):
            assert scores == pytest.approx(sample.scores)


@pytest.mark.parametrize(
    ("name", "point"),
    [
        ("greedy", {}),
        ("majority", {"N": SAMPLES}),
        ("majority", {"N": 2, "weight": "likelihood"}),
        ("best_of_n", {"N": SAMPLES}),
        ("judged_vote", {"N": 3}),
        ("adaptive_consistency", {"N": SAMPLES}),
        ("ttspm", {"N": SAMPLES}),
        ("pass_at_n", {"N": SAMPLES}),
    ],
)
def test_a_rule_sees_the_same_samples_at_the_same_cost(
    live: GradedText, banked: GradedText, name: str, point: dict[str, Any]
) -> None:
    assert solved(banked, name, **point) == solved(live, name, **point)


@pytest.mark.parametrize(
    ("name", "point", "what"),
    [
        ("majority", {"N": SAMPLES + 1}, f"sample {SAMPLES + 1} of a question"),
        ("sample", {"temperature": 0.3}, r"samples at 0\.3"),
        ("beam", {"N": 2}, "steps"),
        ("sys1", {}, "Bare answers"),
    ],
)
def test_what_it_does_not_hold_is_refused_by_name(
    banked: GradedText, name: str, point: dict[str, Any], what: str
) -> None:
    with pytest.raises(CapabilityMissing, match=what):
        solved(banked, name, **point)


def test_steps_and_states_are_missed_before_a_run(folder: Path) -> None:
    lacks = text.missing_abilities({"model": "builtin", "data": f"bank:{folder}"})
    assert {"steps", "hidden", "draft", "pool", "watch"} == lacks.keys()


def test_drawing_goes_on_where_it_was(folder: Path, tmp_path: Path) -> None:
    few = tmp_path / "few"
    draw(few, samples=1, time_s=0.0)
    first = read_bank(few)
    assert 0 < len(first.questions) <= QUESTIONS
    said: list[tuple[int, int]] = []
    whole = draw(few, say=lambda there, wanted: said.append((there, wanted)))
    at_once = read_bank(folder).questions
    for key, question in whole.questions.items():  # other batches change a number's last bits
        words = [sample.words for sample in question.samples]
        assert words == [sample.words for sample in at_once[key].samples]
    assert said[-1] == (QUESTIONS, QUESTIONS)
    said.clear()
    assert draw(few, say=lambda *of: said.append(of)) == whole
    assert not said, "nothing was left to draw"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"model": "smollm2"}, "model=smollm2 does not go with"),
        ({"sampling_temperature": 1.0}, "it was drawn with sampling_temperature=0.7"),
        ({"room": 9}, "room=9 does not go with"),
        ({"budget": 9}, "budget=9 does not go with"),
        ({"judge": "none"}, "judge=none does not go with"),
        ({"problems": QUESTIONS + 1}, f"has {QUESTIONS} questions"),
        ({"data": "bank:/no/such"}, "is no bank of samples"),
    ],
)
def test_other_conditions_than_those_of_the_drawing_are_refused(
    folder: Path, given: dict[str, Any], problem: str
) -> None:
    asked = {"model": "builtin", "data": f"bank:{folder}", "problems": QUESTIONS, **given}
    with pytest.raises(SelectionError, match=problem):
        text.load("embedded", 0, **asked)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"samples": 0}, "A bank needs samples"),
        ({"conditions": {"data": "bank:x"}}, "A bank holds whole completions"),
        ({"conditions": {"budget": 5}}, "A bank holds whole completions"),
    ],
)
def test_what_makes_no_bank_is_refused(tmp_path: Path, given: dict[str, Any], problem: str) -> None:
    conditions = {**LIVE, "problems": 1, **given.pop("conditions", {})}
    with pytest.raises(SelectionError, match=problem):
        draw_bank(tmp_path / "b", conditions, **{"samples": 1, **given})


def test_nothing_of_a_bank_is_timed(folder: Path) -> None:
    assert "no time of it is a model's" in text.counts_only({"data": f"bank:{folder}"})
    assert not text.counts_only({"data": "arithmetic"})
    assert not text.counts_only({})
