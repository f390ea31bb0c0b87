"""How PRISM's adapter learns: each mode answers each question of a training stream once, and is scored.

    score = 0.6 right + 0.2 process + 0.2 (1 - bill / the dearest mode's)       q = softmax(score / 0.1)
    loss  = KL(q || softmax(W h + b))         h: the policy's state at the end of the prompt

Right: the answer. Process: the share of the question's hops whose true outcome the episode went on with. Bill: words,
and calls at their price. Weights and temperature are ours, for the paper gives none. Questions are of the `train` split,
keyed apart from all others; what a card reports, and the odds that a coin draws from, come from worlds of the held-out
split that nobody scores. The table by kind is the mean of the same scores, and nothing of it is learned.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.agents.substrate import action_words as tokens
from adabench.workloads.agents.substrate.action_steps import Ids, plain_arguments, stated, steps
from adabench.workloads.agents.substrate.episodes import EpisodeLoop, due_result
from adabench.workloads.agents.substrate.fault_plans import draw_faults
from adabench.workloads.agents.substrate.notation import number_words, words_of
from adabench.workloads.agents.substrate.policy_recipes import AdapterRecipe
from adabench.workloads.agents.substrate.strategy_adapter import KINDS, PARTS, restored
from adabench.workloads.agents.substrate.tool_server import ToolServer, price
from adabench.workloads.agents.substrate.worlds import Split
from adabench.workloads.agents.truth.problems import QUESTION_KINDS, Problem, draw_problem
from adabench.workloads.shared.language_model.contract import Costs, Floats, Seq, mix
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.trainer import Trainer, seeded, silent

RIGHT, PROCESS, CHEAP, TEMPERATURE = 0.6, 0.2, 0.2, 0.1
CALL_WORDS = 20
"""What a call of a tool costs in words."""
AT_ONCE, HELD_OUT = 40, 160
"""Questions in one batch; questions that are reported on."""
RATE = 2e-2
_STREAM = 0x9815


class Sample(NamedTuple):
    """A question, and what each mode made of it."""

    kind: str
    state: Floats
    """[width]."""
    scores: tuple[float, ...]
    right: tuple[bool, ...]


def train(
    plan: AdapterRecipe, policies: Mapping[str, NativeEngine], progress: Progress = silent
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Return the weights for each policy, and what they do on held-out questions."""
    found: dict[str, Tensor] = {}
    rows: list[list[float]] = []
    for name, policy in policies.items():
        seen = samples(policy, mix(_STREAM, plan.seed), plan.questions, "train")
        held = samples(policy, mix(_STREAM, 1 << 32), HELD_OUT, "held-out")
        own = fit(plan, seen, held)
        found |= {f"{name}.{part}": own[part] for part in PARTS}
        rows.append(
            report({f"{name}.{part}": own[part].half().float() for part in PARTS}, name, held)
        )
        progress(len(rows), len(policies))
    means = np.mean(rows, axis=0)
    dev = dict(zip(("by_odds", "by_others", "by_table", "best_mode"), means, strict=True))
    dev["lead"] = dev["by_odds"] - dev["by_others"]
    return found, {name: round(float(value), 4) for name, value in dev.items()}


def fit(plan: AdapterRecipe, seen: Sequence[Sample], held: Sequence[Sample]) -> dict[str, Tensor]:
    """Return a head's weights, the table of the questions that it saw, and its odds on others."""
    states, wanted = _stacked(seen), torch.tensor([one.scores for one in seen])
    targets = torch.softmax(wanted / TEMPERATURE, 1)
    with seeded(plan.seed):
        head = nn.Linear(states.shape[1], len(tokens.MODES))
        optimiser = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=0.01)

        def loss(step: int) -> Tensor:
            del step
            return F.kl_div(torch.log_softmax(head(states), 1), targets, reduction="batchmean")

        Trainer(optimiser).fit(loss, plan.steps, silent)
        with torch.no_grad():
            others = torch.softmax(head(_stacked(held)), 1)
    kinds = [[one.scores for one in seen if one.kind == kind] for kind in KINDS]
    table = torch.tensor(np.array([np.mean(scores, axis=0) for scores in kinds]))
    return dict(zip(PARTS, (head.weight.detach(), head.bias.detach(), others, table), strict=True))


def report(weights: Mapping[str, Tensor], policy: str, held: Sequence[Sample]) -> list[float]:
    """Return how often the likeliest mode is right, one by another question's odds, by the table, and the best single mode."""
    adapter = restored(weights, policy)
    odds = np.array([adapter.odds(one.state) for one in held])
    table = [int(np.argmax(adapter.table[KINDS.index(one.kind)])) for one in held]
    right = np.array([one.right for one in held])
    own, each = odds.argmax(1), np.arange(len(held))
    other = np.mean([right[each, np.roll(own, k)].mean() for k in range(1, len(own))])
    return [right[each, own].mean(), float(other), right[each, table].mean(), right.mean(0).max()]


def _stacked(found: Sequence[Sample]) -> Tensor:
    return torch.from_numpy(np.array([one.state for one in found]))


def samples(policy: NativeEngine, seed: int, count: int, split: Split) -> list[Sample]:
    """Return questions, kinds in turn, each answered greedily in each mode."""
    found: list[Sample] = []
    for first in range(0, count, AT_ONCE):
        found += _batch(policy, seed, range(first, min(count, first + AT_ONCE)), split)
    return found


def _batch(policy: NativeEngine, seed: int, indices: Sequence[int], split: Split) -> list[Sample]:
    policy.reset(Costs())
    drawn: list[tuple[Problem, Floats, list[Seq]]] = []
    servers: dict[Seq, ToolServer] = {}
    for index in indices:
        key = mix(seed, index)
        family, size = QUESTION_KINDS[index % len(QUESTION_KINDS)]
        problem = draw_problem(family, size, mix(key, 1), split)
        server = ToolServer(problem.world, draw_faults(mix(key, 2)), deadline_s=0.0)
        root = policy.open(problem.prompt, key)
        state = policy.hidden(root, len(root.ids) - 1)[0].copy()
        seqs = policy.fork(root, len(tokens.MODES))
        policy.append(seqs, [(mode,) for mode in tokens.MODES])
        drawn.append((problem, state, seqs))
        servers |= dict.fromkeys(seqs, server)
    loop = EpisodeLoop(
        policy.decode, policy.append, lambda seq: due_result(servers[seq], seq.completion)[1]
    )
    loop.finish(list(servers), temperature=0.0)
    return [
        Sample(
            f"{problem.family}{problem.size}",
            state,
            scores(problem, [seq.completion for seq in seqs]),
            tuple(stated(seq.completion) == problem.answer for seq in seqs),
        )
        for problem, state, seqs in drawn
    ]


def scores(problem: Problem, completions: Sequence[Ids]) -> tuple[float, ...]:
    """Return the score of each mode's episode on one question."""
    bills = [bill(problem, one) for one in completions]
    return tuple(
        RIGHT * (stated(one) == problem.answer)
        + PROCESS * process(problem, one)
        + CHEAP * (1 - own / max(bills))
        for one, own in zip(completions, bills, strict=True)
    )


def bill(problem: Problem, completion: Ids) -> int:
    """Return the words of prompt and episode, and its calls of tools at their price in words."""
    calls = sum(price(step.call.tool) for step in steps(completion) if step.call)
    return len(problem.prompt) + len(completion) + CALL_WORDS * calls


def process(problem: Problem, completion: Ids) -> float:
    """Return the share of hops whose true outcome an episode went on with; of the last one, which it answered."""
    true = [*map(words_of, problem.trail[1:]), *map(number_words, problem.values)][-problem.size :]
    used = set()
    for step in steps(completion):
        hop = step.head[0] - tokens.FIRST_HOP if len(step.head) > 1 else 0
        if 0 < hop < problem.size:
            words = true[hop - 1]
            if plain_arguments(step.head[2:])[: len(words)] == words:
                used.add(hop)
    return (len(used) + (stated(completion) == problem.answer)) / problem.size
