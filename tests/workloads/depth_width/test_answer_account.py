"""Ways to be scored for what no engine did, each refused with a sentence; and what may be done."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from adabench.harness.contract import registry
from adabench.harness.errors import MethodContractError
from adabench.workloads.depth_width.ledger.task import Ledger, load
from adabench.workloads.depth_width.ledger_cot.substrate.latent_forward import Solution
from adabench.workloads.depth_width.substrate.gathered_forward import (
    Admission,
    Admit,
    Answer,
    prefill,
)
from adabench.workloads.depth_width.substrate.paths.path_forward import Reply
from adabench.workloads.depth_width.substrate.readers import Batch, Reader
from adabench.workloads.depth_width.substrate.units.unit_forward import Choice
from adabench.workloads.depth_width.substrate.work_counter import Work

FOREIGN = "not one that an engine of this task computed"
SEQUENCES = 6


def small(**conditions: Any) -> Ledger:
    return load("embedded", 0, batches=1, sequences=SEQUENCES, **conditions)


def staged(**conditions: Any) -> tuple[Ledger, Reader, Batch]:
    task = small(**conditions)
    (batch,) = task.cases()
    return task, task.reader("vanilla-2"), batch


def made_up(reader: Reader, batch: Batch) -> Answer:
    return Answer(torch.zeros(*batch.tokens.shape, 64), ())


def read_alone(reader: Reader, batch: Batch) -> Answer:
    return prefill(reader.model, torch.from_numpy(batch.tokens), tile=64)


def renamed(reader: Reader, batch: Batch) -> Answer:
    return dataclasses.replace(reader.read(batch), unrolled=1)


def read_by_a_copy(reader: Reader, batch: Batch) -> Answer:
    return dataclasses.replace(reader, mode="prefill").read(batch)


def written_by_numpy(reader: Reader, batch: Batch) -> Answer:
    answer = reader.read(batch)
    answer.logits.numpy()[:] = 0
    return answer


def written_in_inference(reader: Reader, batch: Batch) -> Answer:
    answer = reader.read(batch)
    with torch.inference_mode():
        answer.logits[0, 0, 0] += 1
    return answer


def exchanged(reader: Reader, batch: Batch) -> Answer:
    answer = reader.read(batch)
    object.__setattr__(answer, "logits", torch.zeros(1))
    return answer


def without_works(reader: Reader, batch: Batch) -> Answer:
    answer = reader.read(batch)
    object.__setattr__(answer, "works", ())
    return answer


def cheaper_works(reader: Reader, batch: Batch) -> Answer:
    answer = reader.read(batch)
    answer.works[0][1].flops //= 2
    return answer


def fewer_runs(reader: Reader, batch: Batch) -> Answer:
    answer = reader.read(batch)
    answer.works[0][1].runs.pop()
    return answer


def smaller(reader: Reader, batch: Batch) -> Answer:
    answer = reader.read(batch)
    object.__setattr__(answer, "parameters", 1)
    return answer


def easier_text(reader: Reader, batch: Batch) -> Answer:
    return reader.read(Batch(batch.index, np.roll(batch.tokens, 1, axis=0)))


def half_the_text(reader: Reader, batch: Batch) -> Answer:
    return reader.read(Batch(batch.index, batch.tokens[:3]))


def best_of_two(reader: Reader, batch: Batch) -> Answer:
    reader.read(Batch(batch.index, batch.tokens[:3]))
    return reader.read(batch)


@pytest.mark.parametrize(
    ("trick", "says"),
    [
        (made_up, FOREIGN),
        (read_alone, FOREIGN),
        (renamed, FOREIGN),
        (read_by_a_copy, FOREIGN),
        (written_by_numpy, "answer's logits are not those that the engine computed"),
        (written_in_inference, "answer's logits are not those that the engine computed"),
        (exchanged, "answer's logits are not those that the engine computed"),
        (without_works, "answer's works are not those that the engine counted"),
        (cheaper_works, "answer's works are not those that the engine counted"),
        (fewer_runs, "answer's works are not those that the engine counted"),
        (smaller, "answer's parameters are not those that the engine counted"),
        (easier_text, "another text"),
        (half_the_text, "another text"),
        (best_of_two, "More was read than the answer counts"),
    ],
)
def test_what_no_engine_did_is_refused(trick: Callable[[Reader, Batch], Answer], says: str) -> None:
    task, reader, batch = staged()
    with pytest.raises(MethodContractError, match=says):
        task.account(batch, trick(reader, batch))
    task.meter.clear()
    assert task.account(batch, reader.read(batch)).logits.shape == (SEQUENCES, 64, 64)


def test_the_text_that_was_read_is_none_that_was_put_back() -> None:
    task, reader, batch = staged()
    right = batch.tokens.copy()
    batch.tokens[:] = 1
    answer = reader.read(batch)
    batch.tokens[:] = right
    with pytest.raises(MethodContractError, match="another text"):
        task.account(batch, answer)


def test_an_answer_from_before_the_measurement_is_nobodys() -> None:
    task, reader, batch = staged()
    early = reader.read(batch)
    task.meter.clear()
    with pytest.raises(MethodContractError, match="before this case was measured"):
        task.account(batch, early)


def test_a_remembered_answer_shows_in_the_meter() -> None:
    task, reader, batch = staged()
    answer = reader.read(batch)
    assert dict(task.meter) == {"passes": 1}
    task.meter["passes"] += 1  # a second lap that nobody ran
    with pytest.raises(MethodContractError, match="wrote into the meter"):
        task.account(batch, answer)


def test_laps_of_one_solve_are_no_second_try() -> None:
    task, reader, batch = staged()
    answers = [reader.read(batch) for _ in range(3)]
    assert task.meter["passes"] == 3
    task.account(batch, answers[-1])


def test_what_was_looked_at_may_be_returned() -> None:
    task, reader, batch = staged()
    answer = reader.read(batch)
    assert answer.executions().eq(2).all()
    assert answer.logits.argmax(-1).shape == batch.tokens.shape
    assert isinstance(answer, Answer)
    tally = task.account(batch, answer)
    assert torch.equal(tally.logits, answer.logits)


def test_dropped_answers_hold_no_memory() -> None:
    task, reader, batch = staged()
    notes = vars(task)["_answers"].confirm.__closure__[0].cell_contents.notes
    for _ in range(5):
        answer = reader.read(batch)
    assert len(notes) == 1
    del answer
    assert not notes


def test_parts_are_joined_with_all_that_ran() -> None:
    task, reader, batch = staged()
    deep = task.reader("vanilla-6")
    first = reader.read(batch)
    hard = torch.tensor([1, 4])
    second = deep.read(Batch(batch.index, batch.tokens[hard.numpy()]))
    whole = reader.joined([(torch.arange(SEQUENCES), first), (hard, second)])
    tally = task.account(batch, whole)
    assert tally.executions.double().mean(1).tolist() == [2, 8, 2, 2, 8, 2]
    assert torch.equal(tally.logits[hard], second.logits)
    assert task.meter["passes"] == 2


def test_parts_have_to_make_up_the_text() -> None:
    task, reader, batch = staged()
    part = reader.read(Batch(batch.index, batch.tokens[:3]))
    with pytest.raises(MethodContractError, match="do not make up one text"):
        reader.joined([(torch.tensor([0, 1, 3]), part)])
    swapped = reader.joined([(torch.tensor([2, 1, 0]), part)])
    with pytest.raises(MethodContractError, match="another text"):
        task.account(batch, swapped)
    with pytest.raises(MethodContractError, match=FOREIGN):
        reader.joined([(torch.arange(SEQUENCES), made_up(reader, batch))])


def forgets(work: Work) -> None:
    work.runs.append((0, torch.arange(1)))


def discounts(work: Work) -> None:
    work.flops -= 10**6


@pytest.mark.parametrize("trick", [forgets, discounts])
def test_a_rule_counts_its_own_work_and_no_other(trick: Callable[[Work], None]) -> None:
    task = small()
    (batch,) = task.cases()

    def rule(unit: int, rows: torch.Tensor, work: Work) -> Choice:
        trick(work)
        return Choice()

    with pytest.raises(MethodContractError, match="A rule wrote down"):
        task.unit_reader("informed-60").read(batch, rule)

    def policy() -> Admit:
        def admit(depth: int, rows: Any, sequences: Any, work: Work) -> Admission:
            trick(work)
            return Admission()

        return admit

    with pytest.raises(MethodContractError, match="A rule wrote down"):
        task.reader("recursive").read(batch, policy)


def test_a_rule_cannot_empty_the_works_of_the_engine() -> None:
    task = small()
    (batch,) = task.cases()

    def rule(unit: int, rows: torch.Tensor, work: Work) -> Choice:
        work.runs.clear()
        work.flops += 7
        return Choice()

    reader = task.unit_reader("informed-60")
    tally = task.account(batch, reader.read(batch, rule))
    assert tally.executions.eq(6).all()
    plain = task.account(batch, reader.read(batch, lambda unit, rows, work: Choice()))
    more = tally.counted["flops_counted"] - plain.counted["flops_counted"]
    assert more * batch.tokens.size == pytest.approx(12 * 7)


def reply(task: Any, exam: Any) -> Any:
    return Reply(torch.zeros(len(exam.questions.lengths), 3, dtype=torch.long), (), 6, 1)


def solution(task: Any, exam: Any) -> Any:
    none = torch.zeros(len(exam.questions.lengths), dtype=torch.long)
    return Solution(none, none, none, none[:, None], ())


def other_fillers(task: Any, exam: Any) -> Any:
    questions = dataclasses.replace(exam.questions, tokens=exam.questions.tokens[::-1].copy())
    return task.path_reader().answer(
        dataclasses.replace(exam, questions=questions),
        torch.ones(len(questions.lengths), 6, dtype=torch.long),
    )


def run_of(task: Any, batch: Any) -> Any:
    run = task.ffn_reader("dense-ffn-4").read(batch)
    return dataclasses.replace(run, logits=run.logits + 1)


def said(task: Any, exam: Any) -> Any:
    found = task.solver("cot-latent").think(exam)
    found.said[:] = 1
    return found


@pytest.mark.parametrize(
    ("name", "trick", "says"),
    [
        ("ledger_qa", reply, FOREIGN),
        ("ledger_qa", other_fillers, "another text"),
        ("ledger_cot", solution, FOREIGN),
        ("ledger_cot", said, "answer's said are not those that the engine computed"),
        ("ledger_affine", run_of, FOREIGN),
    ],
)
def test_the_other_tasks_keep_accounts_too(
    name: str, trick: Callable[[Any, Any], Any], says: str
) -> None:
    module = registry.load(registry.find(name))
    task = module.load("embedded", 0, **module.CHECK_CONDITIONS)
    case, substrate = next(iter(task.cases())), task.substrate()
    with pytest.raises(MethodContractError, match=says):
        substrate.account(case, trick(substrate, case))
