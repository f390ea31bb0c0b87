"""What a gate inside a network says is all that decides: with another case's words it decides as there."""

import pytest
import torch

from adabench.harness.contract import registry
from adabench.harness.run.permuted_signal import PermutedSignal
from adabench.workloads.depth_width.ledger_affine.substrate import loop_forward
from adabench.workloads.depth_width.ledger_affine.substrate.loop_forward import Run
from adabench.workloads.depth_width.ledger_cot.substrate.latent_forward import Solution
from adabench.workloads.depth_width.ledger_cot.substrate.shortcuts import Shortcuts
from adabench.workloads.depth_width.substrate.paths.path_forward import Reply
from adabench.workloads.depth_width.substrate.paths.path_routers import Routers

READS = ("ledger_affine/versatile_ffn", "ledger_qa/dr_llm", "ledger_cot/system_1_5")
"""For tests/suite/dependencies.py."""
GATES: dict[str, tuple[tuple[object, str], ...]] = {
    "ledger_affine/versatile_ffn": (
        (loop_forward, "loop_logits"),
        (loop_forward, "slice_logits"),
    ),
    "ledger_qa/dr_llm": ((Routers, "forward"),),
    "ledger_cot/system_1_5": ((Shortcuts, "logit"),),
}


def decisions(run: Run | Reply | Solution) -> torch.Tensor:
    """Return how often layers run: on each token, for each question, or in each latent step."""
    if isinstance(run, Run):
        return run.executions()
    return run.passes() if isinstance(run, Reply) else run.exits


@pytest.mark.parametrize("address", GATES)
def test_a_case_is_decided_as_another_one_is(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    for home, name in GATES[address]:
        monkeypatch.setattr(home, name, vars(home)[name])  # to be what it was behind the test
    entry = registry.find(address)
    module, task = registry.load(entry), registry.load(registry.find(entry.task))
    conditions = registry.find(entry.task).card.defaults | entry.card.conditions
    loaded = task.load("embedded", 0, **{**conditions, **task.CHECK_CONDITIONS})
    state = module.prepare(loaded.substrate(), entry.card.defaults, 0)
    own, other = list(loaded.cases())[:2]
    permuted = PermutedSignal()
    permuted.wrap(entry.card.signal)
    solve = permuted.from_first_call(module.solve)
    before = decisions(solve(state, own, entry.card.defaults))
    with permuted.recording():
        partner = decisions(solve(state, other, entry.card.defaults))
    permuted.mode = "replay"
    found = decisions(solve(state, own, entry.card.defaults))
    steps = min(
        one.shape[1] for one in (before, partner, found)
    )  # some questions take more than others
    assert not torch.equal(before[:, :steps], partner[:, :steps])
    assert not torch.equal(found, before)
    if partner.shape == before.shape:
        assert torch.equal(found, partner)
