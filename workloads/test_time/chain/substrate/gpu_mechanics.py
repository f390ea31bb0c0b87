"""Chain at the shape of large models: what a search costs, and nothing about what it finds.

Random weights in bfloat16 at the shape of Llama-2-7B (`policy=lm-s`) or of a 1.3B model
(`policy=1.3b`), a judge of the policy's shape, prompts of 512 random words, steps of 16 words
(the chain's `step_room` cuts at 18), 6 steps. Time, bytes, tokens and FLOPs are those of a
real search; which branch is pruned is decided by a random head, so no quality is given.

Policy and judge run on `PooledEngine`, whose decoding step reads what leaves share once.

**A draft and its target** (`policy=1b`): the shapes of a 1B and of an 8B model, with a judge and a router
of the draft's shape. What a hand-over costs is that the target reads what it did not write
(`prefilled_target`, in one call) before it writes a step word by word (`generated_target`): the first is
bound by products and the second by reading weights, so on such a device a row that is read costs a
fraction of one that is written. Runs of `random_escalation` at several rates, beside `target_only` and
`greedy`, show it as latency; which steps are handed over is random.
"""

from dataclasses import replace

import numpy as np
import torch

from adabench.harness.errors import DeviceUnavailable, SelectionError, nearest
from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.language_model.model import LanguageModel, Shape
from adabench.workloads.shared.language_model.pooled.engine import PooledEngine
from adabench.workloads.shared.language_model.pooled.reward_model import StateJudge, StateRouter
from adabench.workloads.shared.language_model.pooled.sampling import Pace
from adabench.workloads.shared.language_model.vocabulary import BOS, VOCABULARY
from adabench.workloads.test_time.substrate.search_models import Models
from adabench.workloads.test_time.substrate.step_hand_over import TARGET

SHAPES = {
    "lm-s": Shape(layers=32, width=4096, heads=32, hidden=11008, vocabulary=32000, context=1024),
    "1.3b": Shape(layers=24, width=2048, heads=16, hidden=5504, vocabulary=32000, context=1024),
    "1b": Shape(layers=16, width=2048, heads=32, hidden=8192, vocabulary=32000, context=1024),
    "8b": Shape(layers=32, width=4096, heads=32, hidden=14336, vocabulary=32000, context=1024),
}
PAIRS = {"1b": "8b"}
"""By draft: its target."""
PROMPT = 512
PACE = Pace(words=16, steps=6)
ROOM = PACE.words * PACE.steps + 1


def check_policy(policy: str) -> None:
    """Make sure that a policy has a shape.

    Raises:
        SelectionError: if it has none.
    """
    if policy not in SHAPES:
        raise SelectionError(
            f"policy {policy!r} has no shape at scale gpu.", nearest(policy, SHAPES)
        )


def available() -> None:
    """Make sure that there is a device.

    Raises:
        DeviceUnavailable: without CUDA.
    """
    if not torch.cuda.is_available():
        raise DeviceUnavailable(
            "chain at scale gpu: not testable here, no CUDA device is visible.",
            "Run it where torch.cuda.is_available(), or leave out --scale gpu.",
        )


def models(
    policy: str,
    seed: int,
    device: str = "cuda",
    dtype: torch.dtype = torch.bfloat16,
    *,
    shape: Shape | None = None,
    target: Shape | None = None,
) -> Models:
    """Return random engines of a shape, the same for the same seed and device.

    A policy that is the draft of a target comes with it, and with a router.

    Raises:
        SelectionError: for a policy without a shape.
    """
    if shape is None:
        check_policy(policy)
    shape = shape or SHAPES[policy]
    torch.manual_seed(mix(seed, 1) % (1 << 31))
    with torch.device(device):
        own, trunk = (LanguageModel(shape).to(dtype).requires_grad_(False) for _ in range(2))
        head = torch.randn(shape.width) * shape.width**-0.5
    judge = StateJudge(PooledEngine(trunk, "judge", role="judge"), head)
    found = Models(PooledEngine(own, policy, pace=PACE), judge)
    if policy not in PAIRS:
        return found
    with torch.device(device):
        larger = LanguageModel(target or SHAPES[PAIRS[policy]]).to(dtype).requires_grad_(False)
        doubts = torch.randn(shape.width) * shape.width**-0.5
    pair = Models(
        found.policy,
        judge,
        others={TARGET: PooledEngine(larger, PAIRS[policy], pace=PACE)},
        router=StateRouter(PooledEngine(trunk, "router", role="judge"), doubts),
    )
    return replace(found, pair=pair)


def prompts(seed: int, count: int, length: int = PROMPT) -> tuple[tuple[int, ...], ...]:
    """Draw prompts of random words; there is nothing to solve in them."""
    words = np.random.default_rng([seed, 2]).integers(3, VOCABULARY, (count, length - 1))
    return tuple((BOS, *row) for row in words.tolist())
