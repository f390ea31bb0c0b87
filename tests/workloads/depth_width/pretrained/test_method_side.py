"""What leaves the process of a method at `pretrained`, and what is scored of it."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from adabench.harness.contract import registry
from adabench.harness.contract.record import Cell, Turn
from adabench.harness.errors import EnvironmentProblem
from adabench.harness.run.execute import execute
from adabench.harness.run.record_values import TIMED
from adabench.harness.run.settings import Settings
from adabench.workloads.depth_width.pretrained.models import Models
from adabench.workloads.depth_width.pretrained.substrate.path_reading import Reading
from adabench.workloads.depth_width.pretrained.substrate.word_odds import Windows
from adabench.workloads.depth_width.pretrained.task import CHECK_CONDITIONS, Pretrained
from adabench.workloads.depth_width.substrate.answers.rule_works import as_it_is
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from tests.workloads.lone_substrate import assert_knows_nothing

WINDOWS, TOKENS, VOCABULARY, PROMPT = 3, 20, 61, 8


def drawn(prompt: int) -> Pretrained:
    generator = np.random.Generator(np.random.PCG64(0))
    shape = (WINDOWS, TOKENS + 1)
    batches = tuple(generator.integers(0, VOCABULARY, shape) for _ in range(2))
    return Pretrained(prompt, batches=batches)


@dataclass(frozen=True)
class MadeUp:
    """A reader that draws its logits, of all words or of those after the opening."""

    def read(self, case: Windows) -> Answer | Reading:
        """Return them with no work."""
        generator = torch.Generator().manual_seed(case.index)
        words = TOKENS - max(0, case.prompt - 1)
        logits = 4 * torch.randn(WINDOWS, words, VOCABULARY, generator=generator)
        return Reading(logits, (), 3) if case.prompt else Answer(logits, ())


def said(task: Models, case: Windows) -> Answer | Reading:
    """Return made-up logits on the account of a task."""
    return task._answers.bind(MadeUp(), read=as_it_is).read(case)


@pytest.mark.parametrize("prompt", [0, PROMPT])
def test_nats_are_those_of_all_logits(prompt: int) -> None:
    task = drawn(prompt)
    for case in task.cases():
        answer, wanted = said(task, case), task.batches[case.index][:, max(1, prompt) :]
        targets = torch.from_numpy(np.ascontiguousarray(wanted)).flatten()
        nll = float(F.cross_entropy(answer.logits.flatten(0, 1), targets))
        assert task.score(case, answer)["nll_token"] == nll


@pytest.mark.parametrize("prompt", [0, PROMPT])
def test_the_word_after_a_window_is_known_to_the_scorer_alone(prompt: int) -> None:
    task = drawn(prompt)
    case = next(task.cases())
    substrate = task.substrate()
    odds = substrate.account(case, said(substrate, case))
    assert odds.shown.shape == (WINDOWS, TOKENS - max(1, prompt))
    assert odds.last.shape == (WINDOWS, VOCABULARY)
    values = set()
    for final in range(4):
        task.batches[0][:, -1] = final
        values.add(task.judge(case, odds)["nll_token"])
    assert len(values) == 4


def test_what_methods_get_has_neither_windows_nor_truth() -> None:
    data = pickle.dumps(drawn(0).substrate(), protocol=5)
    assert len(data) < 500
    assert_knows_nothing([data])


@pytest.mark.parametrize(("method", "prompt"), [("informed_routing", 0), ("dr_llm", 64)])
def test_a_process_of_its_own_counts_what_this_one_does(method: str, prompt: int) -> None:
    entry = registry.find(f"pretrained/{method}")
    point = {**entry.card.defaults, **({} if prompt else {"sparsity": 0.16})}
    conditions = {**CHECK_CONDITIONS, "batches": 1, "prompt": prompt}
    module = registry.load(registry.find("pretrained"))
    try:
        task = module.load("embedded", 0, **conditions)
        state = registry.load(entry).prepare(task, point, 0)
    except EnvironmentProblem as missing:
        pytest.skip(missing.message)
    (case,) = task.cases()
    wanted = task.score(case, registry.load(entry).solve(state, case, point))
    cell = Cell("pretrained", method, point, conditions, "embedded", 0)
    records = list(execute([Turn(cell, 0)], Settings(window_s=0.0)))
    assert [record.note for record in records if record.status != "ok"] == []
    plain = {name: value for name, value in wanted.items() if not name.endswith(TIMED)}
    assert {name: records[-1].values[name] for name in plain} == plain
