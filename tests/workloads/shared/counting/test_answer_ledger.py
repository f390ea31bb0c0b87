"""Books: what agrees with them is confirmed, and nothing else."""

from dataclasses import dataclass, replace

import pytest

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError
from adabench.workloads.shared.counting.answer_ledger import AnswerLedger, Wording, known_case

WORDING = Wording("play", foreign="Not the task's own answer.", twice="It plays a case twice.")


@dataclass(frozen=True)
class Answer:
    score: int


@pytest.fixture
def ledger() -> AnswerLedger[Answer, int]:
    return AnswerLedger(
        Meter(), WORDING, lambda answer, counted: answer.score == counted, int.__eq__
    )


def played(ledger: AnswerLedger[Answer, int], score: int, instance: float = 1.0) -> Answer:
    before = ledger.open(instance)
    return ledger.enter(instance, before, Answer(score), score, {"plays": 1.0, "points": score})


def test_the_last_answer_is_confirmed_with_what_was_counted(ledger) -> None:
    answer = played(ledger, 3)
    assert ledger.confirm(1.0, answer) == 3
    assert dict(ledger.meter) == {"plays": 1.0, "points": 3}


def test_the_same_again_is_no_second_try_and_another_result_is(ledger) -> None:
    for _ in range(3):
        answer = played(ledger, 3)
    assert ledger.confirm(1.0, answer) == 3
    assert ledger.meter["plays"] == 3
    played(ledger, 4)
    with pytest.raises(MethodContractError, match="plays a case twice") as refused:
        ledger.confirm(1.0, played(ledger, 3))
    assert "task.play" in refused.value.hint
    ledger.meter.clear()
    assert ledger.confirm(1.0, played(ledger, 3)) == 3


def test_cases_have_accounts_of_their_own(ledger) -> None:
    one, other = played(ledger, 3, 1.0), played(ledger, 4, 2.0)
    assert (ledger.confirm(1.0, one), ledger.confirm(2.0, other)) == (3, 4)
    with pytest.raises(MethodContractError, match="Not the task's own"):
        ledger.confirm(2.0, one)


@pytest.mark.parametrize("change", ["copy", "equal", "written", "older", "unknown"])
def test_another_answer_is_refused(ledger, change: str) -> None:
    older, answer = played(ledger, 3), played(ledger, 3)
    instance = 1.0
    match change:
        case "copy":
            answer = replace(answer, score=2)
        case "equal":
            answer = Answer(3)
        case "written":
            object.__setattr__(answer, "score", 2)
        case "older":
            answer = older
        case "unknown":
            instance = 2.0
    with pytest.raises(MethodContractError, match="Not the task's own"):
        ledger.confirm(instance, answer)


@pytest.mark.parametrize("tamper", [{"points": -3}, {"extra": 1}])
def test_a_meter_that_was_written_to_is_refused(ledger, tamper) -> None:
    answer = played(ledger, 3)
    ledger.meter.update(tamper)
    with pytest.raises(MethodContractError, match="wrote into the meter"):
        ledger.confirm(1.0, answer)
    with pytest.raises(MethodContractError, match="wrote into the meter"):
        ledger.open(1.0)


def test_a_meter_that_was_cleared_before_judging_is_refused(ledger) -> None:
    answer = played(ledger, 3)
    ledger.meter.clear()
    with pytest.raises(MethodContractError, match="wrote into the meter"):
        ledger.confirm(1.0, answer)


def test_a_meter_that_was_emptied_count_by_count_is_refused(ledger) -> None:
    played(ledger, 3)
    for name in list(ledger.meter):
        del ledger.meter[name]
    with pytest.raises(MethodContractError, match="wrote into the meter"):
        played(ledger, 4)


def test_only_a_task_s_own_case_is_known() -> None:
    cases = [[1], [1]]
    known = [(case, number) for number, case in enumerate(cases)]
    assert known_case(known, cases[1], lambda one: one[0], "list")[1] == 1
    with pytest.raises(MethodContractError, match="That list is not a case of this task"):
        known_case(known, [1], lambda one: one[0], "list")
