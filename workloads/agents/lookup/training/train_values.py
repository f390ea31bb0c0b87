"""How a value head learns: from episodes of its policy on questions of trainings, by how they ended.

The states behind every step of an episode are labelled with its end, right or wrong; dead ends begin at once
behind a wrong row in half of the worlds, and one look-up later in the others. Questions have three or four
hops. What is reported is on worlds of the held-out split, behind steps that did not end their episode.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.agents.lookup.training.gate_figures import decided_auc
from adabench.workloads.agents.substrate.action_steps import stated
from adabench.workloads.agents.substrate.action_words import ACT
from adabench.workloads.agents.substrate.episodes import EpisodeLoop, due_result, is_over
from adabench.workloads.agents.substrate.fault_plans import draw_faults
from adabench.workloads.agents.substrate.policy_recipes import ValueRecipe
from adabench.workloads.agents.substrate.tool_server import ToolServer
from adabench.workloads.agents.substrate.value_head import restored
from adabench.workloads.agents.substrate.worlds import Split, WorldRules
from adabench.workloads.agents.truth.problems import Problem, draw_problem
from adabench.workloads.shared.language_model.contract import Costs, Floats, Seq, mix
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.trainer import Trainer, silent

HIDDEN, RATE, BATCH, WEIGHT_DECAY = 64, 2e-3, 512, 0.01
AT_ONCE, HELD_OUT = 200, 600
"""Episodes in one batch; episodes that are reported on."""
_VALUES = 0x7A1E

Row = tuple[Floats, bool]


class Head(nn.Module):
    """States [n, width] to logits [n]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(width, HIDDEN), nn.Linear(HIDDEN, 1)

    def forward(self, states: Tensor) -> Tensor:
        """Return logits."""
        found: Tensor = self.outer(F.relu(self.inner(states)))
        return found[:, 0]


def train(
    plan: ValueRecipe, policy: NativeEngine, progress: Progress = silent
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Return a head's weights, and what it scores on held-out episodes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        head = Head(policy.shape.width)
        _fit(
            head,
            plan,
            _stacked(rows(policy, mix(_VALUES, plan.seed), plan.episodes, "train")),
            progress,
        )
    weights = {name: weight.detach() for name, weight in head.state_dict().items()}
    return weights, report(policy, weights)


def report(policy: NativeEngine, weights: dict[str, Tensor]) -> dict[str, float]:
    """Return what a head scores as it is shipped, in half precision."""
    head = restored({name: weight.half().float() for name, weight in weights.items()})
    found = list(rows(policy, mix(_VALUES, 1 << 32), HELD_OUT, "held-out"))
    values = head.values(np.array([state for state, _ in found]))
    found_auc = decided_auc(values, [is_right for _, is_right in found])
    return {"value_auc": round(found_auc, 4), "states": float(len(found))}


def _fit(head: Head, plan: ValueRecipe, data: tuple[Tensor, Tensor], progress: Progress) -> None:
    states, labels = data
    optimiser = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=WEIGHT_DECAY)
    generator = torch.Generator().manual_seed(plan.seed)

    def loss(step: int) -> Tensor:
        del step
        chosen = torch.randint(len(states), (BATCH,), generator=generator)
        return F.binary_cross_entropy_with_logits(head(states[chosen]), labels[chosen])

    Trainer(optimiser).fit(loss, plan.steps, progress)


def _stacked(found: Iterator[Row]) -> tuple[Tensor, Tensor]:
    both = list(found)
    states = torch.from_numpy(np.array([state for state, _ in both]))
    return states, torch.tensor([float(is_right) for _, is_right in both])


def rows(policy: NativeEngine, seed: int, episodes: int, split: Split) -> Iterator[Row]:
    """Yield the state behind each step of sampled episodes, and whether the episode ended well."""
    source = (mix(seed, index) for index in range(episodes))
    while keys := list(islice(source, AT_ONCE)):
        yield from _batch(policy, keys, split)


def _batch(policy: NativeEngine, keys: Sequence[int], split: Split) -> Iterator[Row]:
    policy.reset(Costs())
    problems: dict[Seq, Problem] = {}
    servers: dict[Seq, ToolServer] = {}
    for key in keys:
        rules = WorldRules(delay=1 + mix(key, 1) % 2)
        problem = draw_problem("kb", 3 + mix(key, 2) % 2, mix(key, 3), split, rules)
        seq = policy.open(problem.prompt, key)
        policy.append([seq], [(ACT,)])
        problems[seq] = problem
        servers[seq] = ToolServer(problem.world, draw_faults(mix(key, 4)), deadline_s=0.0)
    loop = EpisodeLoop(
        policy.decode, policy.append, lambda seq: due_result(servers[seq], seq.completion)[1]
    )
    states: dict[Seq, list[Floats]] = {seq: [] for seq in problems}
    waiting = list(problems)
    while waiting:
        loop.advance(waiting)
        waiting = [seq for seq in waiting if not is_over(seq)]
        for seq in waiting:
            states[seq].append(policy.hidden(seq, len(seq.ids) - 1)[0].copy())
    for seq, problem in problems.items():
        is_right = stated(seq.completion) == problem.answer
        yield from ((state, is_right) for state in states[seq])
