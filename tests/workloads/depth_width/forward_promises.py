"""What each model that skips work promises of a forward pass. A room's class names model and policy.

Gathered execution is masked execution, no word looks ahead, operations are those that torch counts, and words
one by one are a whole pass.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from adabench.workloads.depth_width.substrate.backbone import Backbone, Shape

VECTORS = {
    torch.ops.aten.mv: lambda rows, vector, **_: 2 * rows[0] * rows[1],
    torch.ops.aten.dot: lambda one, other, **_: 2 * one[0],
}
"""Products that torch's counter has no formula for."""
CHANGED = 12
"""The place of the word that is changed."""


@dataclass(frozen=True)
class Forward:
    """A model and what decides for it."""

    tokens: Tensor
    """(B, T) words."""
    prefill: Callable[..., Any]
    """Of tokens and a tile: what is run by rows that run."""
    masked: Callable[[], tuple[Tensor, Tensor]] | None = None
    """Of the tokens: logits (B, T, V) and executions (B, T) where everything is run and mixed."""
    decode: Callable[..., Any] | None = None
    """Of tokens, batch and prompt."""
    entries: int = 0
    """Keys that are stored for all words of a sequence."""


class ForwardPromises:
    """Gathered is masked, causal and counted."""

    near = 1e-5

    def test_gathered_is_masked(self, forward: Forward) -> None:
        assert forward.masked is not None
        logits, executions = forward.masked()
        ours = forward.prefill(forward.tokens, tile=2)
        torch.testing.assert_close(ours.logits, logits, atol=self.near, rtol=0)
        torch.testing.assert_close(ours.executions().double(), executions.double())

    def test_a_later_token_changes_no_earlier_logit(self, forward: Forward) -> None:
        changed = forward.tokens.clone()
        changed[:, CHANGED] = (changed[:, CHANGED] + 5) % 48
        before, after = (forward.prefill(one, tile=8).logits for one in (forward.tokens, changed))
        torch.testing.assert_close(after[:, :CHANGED], before[:, :CHANGED], atol=1e-5, rtol=0)
        assert not torch.allclose(after[:, CHANGED:], before[:, CHANGED:], atol=1e-3)

    def test_operations_are_what_torch_counts(self, forward: Forward) -> None:
        counter = FlopCounterMode(display=False, custom_mapping=VECTORS)
        with sdpa_kernel(SDPBackend.MATH), counter:
            answer = forward.prefill(forward.tokens, tile=2)
        assert sum(work.flops for _, work in answer.works) == counter.get_total_flops()


class DecodedForwardPromises(ForwardPromises):
    """And word by word it is the same."""

    @pytest.mark.parametrize("prompt", [1, 7])
    def test_decode_after_prefill_is_one_whole_forward(self, forward: Forward, prompt: int) -> None:
        assert forward.decode is not None
        whole = forward.prefill(forward.tokens, tile=2)
        stepped = forward.decode(forward.tokens, batch=3, prompt=prompt)
        torch.testing.assert_close(stepped.logits, whole.logits, atol=1e-4, rtol=0)
        assert torch.equal(stepped.executions(), whole.executions())
        entries = sum(work.kv_entries for _, work in stepped.works)
        assert entries == len(forward.tokens) * forward.entries


def untrained(shape: Shape) -> Backbone:
    """A backbone whose blocks matter: an untrained one hardly adds anything."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = Backbone(shape)
        for layer in made.layers:
            layer.out.weight.data *= 8
            layer.down.weight.data *= 8
    return made.eval().requires_grad_(False)


def drawn_tokens(below: int, sequences: int, tokens: int, above: int = 0) -> Tensor:
    """Words drawn at random."""
    generator = torch.Generator().manual_seed(1)
    return torch.randint(above, below, (sequences, tokens), generator=generator)
