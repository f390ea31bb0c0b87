"""How a router is trained: a head on labelled prompts, and every path on labelled questions, by the server itself.

For each mode of each policy one greedy and two drawn episodes and a critic's word are enough for its three paths: the drawn
one that a critic calls for is the first of the vote's. Questions are of the `train` split, keyed apart from all others; what
a card reports of the head is of worlds of the held-out split that nobody scores.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.agents.substrate import action_words as tokens
from adabench.workloads.agents.substrate.agent_task import Scene
from adabench.workloads.agents.substrate.fault_plans import draw_faults
from adabench.workloads.agents.substrate.policies import FOLDER, restore
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Ids, Stream
from adabench.workloads.agents.substrate.serving.served_model import ServedModel
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams
from adabench.workloads.agents.substrate.serving.team import team
from adabench.workloads.agents.substrate.strategy_adapter import KINDS
from adabench.workloads.agents.substrate.workflow import elected
from adabench.workloads.agents.substrate.worlds import Split
from adabench.workloads.agents.teams.substrate.paths import CHECKS, PATHS, machine
from adabench.workloads.agents.teams.substrate.routers import (
    CLASSES,
    Numbers,
    RouterRecipe,
    restored,
)
from adabench.workloads.agents.truth.problems import (
    QUESTION_KINDS,
    Answers,
    Problem,
    draw_problem,
)
from adabench.workloads.shared.language_model.contract import Floats, mix
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.trainer import Trainer, seeded, silent

AT_ONCE, HELD_OUT, ACCEPT = 40, 400, 0.5
RATE = 2e-2
SINGLE = tuple(dict.fromkeys((path.mode, path.policy) for path in PATHS))
_STREAM = 0x7EA7


def train(
    plan: RouterRecipe, progress: Progress = silent
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Return what a router's file holds, and what it is worth."""
    model = team(plan.policy, 1)
    model.begin()
    seen = problems(mix(_STREAM, plan.seed, 1), plan.prompts, "train")
    held = problems(mix(_STREAM, 1 << 32), HELD_OUT, "held-out")
    weight, shift = fitted(plan, states(model, seen), classes(seen))
    zero = zero_rows(plan.policy)
    asked = problems(mix(_STREAM, plan.seed, 2), plan.questions, "train")
    right, words = answered(plan, model, asked, progress)
    kinds = np.array([KINDS.index(f"{one.family}{one.size}") for one in asked], np.uint8)
    means = np.array([words[kinds == kind].mean(axis=0) for kind in range(len(KINDS))])
    found = {
        "weight": weight.half(), "shift": shift.half(), "zero": zero.half(),
        "kinds": torch.from_numpy(kinds),
        "right": torch.from_numpy(np.packbits(right.astype(np.uint8), axis=1)),
        "words": torch.from_numpy(means).half(),
    }  # fmt: skip
    own = restored({name: part.float() for name, part in found.items()})
    held_states, labels = states(model, held), classes(held)
    dev = {
        name: float(np.mean([np.argmax(head.odds(h)) == c for h, c in zip(held_states, labels, strict=True)]))
        for name, head in (("trained", own.trained), ("zero", own.zero))
    }  # fmt: skip
    dev["best_path"] = float(right.mean(axis=0).max())
    dev["best_by_class"] = float(
        np.mean([own.of_class(own.by_kind)[c].max() for c in classes(asked)])
    )
    dev["best_by_kind"] = float(np.mean([own.by_kind[kind].max() for kind in kinds]))
    dev["room"] = dev["best_by_kind"] - dev["best_path"]
    return found, {name: round(value, 4) for name, value in dev.items()}


def problems(seed: int, count: int, split: Split) -> list[Problem]:
    """Draw questions, kinds in turn."""
    turns = [QUESTION_KINDS[n % len(QUESTION_KINDS)] for n in range(count)]
    return [draw_problem(*kind, mix(seed, n), split) for n, kind in enumerate(turns)]


def classes(drawn: Sequence[Problem]) -> list[int]:
    """Return the class of each question."""
    return [CLASSES.index(one.family) for one in drawn]


def states(model: ServedModel, drawn: Sequence[Problem]) -> Floats:
    """Return the first policy's state at the end of each prompt, [questions, width]."""
    engine, found = model.engine, []
    for one in drawn:
        seq = engine.open(one.prompt, 0)
        found.append(engine.hidden(seq, len(seq.ids) - 1)[0].copy())
        engine.close(seq)
    return np.array(found)


def zero_rows(policy: str) -> Tensor:
    """Return the rows by which a policy finds the words of three modes likely, [classes, width]."""
    model = restore(policy, checkpoints.home(policy, FOLDER))
    return model.embedding.weight[[tokens.CHAIN, tokens.ACT, tokens.CHECK]].clone()


def fitted(plan: RouterRecipe, seen: Floats, labels: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Return weights and shifts of a head."""
    inputs, wanted = torch.from_numpy(seen), torch.tensor(labels)
    with seeded(plan.seed):
        head = nn.Linear(inputs.shape[1], len(CLASSES))
        optimiser = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=0.01)

        def loss(step: int) -> Tensor:
            del step
            return F.cross_entropy(head(inputs), wanted)

        Trainer(optimiser).fit(loss, plan.steps, silent)
    return head.weight.detach(), head.bias.detach()


def answered(
    plan: RouterRecipe, model: ServedModel, asked: Sequence[Problem], progress: Progress
) -> tuple[Numbers, Numbers]:
    """Return which path answers which question rightly, and at how many words, both [questions, paths]."""
    task = AgentStreams(plan.seed, lambda: model)
    right, words = np.zeros((len(asked), len(PATHS))), np.zeros((len(asked), len(PATHS)))
    for first in range(0, len(asked), AT_ONCE):
        part = tuple(asked[first : first + AT_ONCE])
        stream = Stream(first, tuple(one.prompt for one in part), "", ())
        task.enter(stream, tuple(Scene(p.world, draw_faults(mix(p.world.seed, 2))) for p in part))
        rows: dict[int, list[tuple[Ids, float]]] = {}
        task.serve(stream, partial(_all_paths, rows))
        grader = Answers(part)
        for index, row in rows.items():
            right[first + index] = [grader.judge(index, one)["accuracy"] for one, _ in row]
            words[first + index] = [cost for _, cost in row]
        progress(first + len(part), len(asked))
    return right, words


def _all_paths(rows: dict[int, list[tuple[Ids, float]]], desk: Desk) -> Agent:
    """Answer one request by every path; write down the words of each, and what it costs."""
    greedy = {one: desk.begin_at(one[0], machine(one[1])) for one in SINGLE}
    drawn = {one: desk.fork(branch, 2) for one, branch in greedy.items()}
    yield desk.finish(list(greedy.values()))
    yield desk.finish([branch for branches in drawn.values() for branch in branches], 1.0)
    before = desk.handled
    sures = yield desk.check(list(greedy.values()))
    judged = (desk.handled - before) / len(greedy)
    prompt = len(desk.prompt)
    found = []
    for path in PATHS:
        one = path.mode, path.policy
        own = [greedy[one], *drawn[one]]
        costs = [len(desk.words(branch)) for branch in own]
        is_sure = sures[SINGLE.index(one)] >= ACCEPT
        answer, cost = {
            CHECKS[0]: (own[0], costs[0]),
            CHECKS[1]: (own[0], costs[0] + judged)
            if is_sure
            else (own[1], sum(costs[:2]) + judged),
            CHECKS[2]: (elected(own, [desk.answer(branch) for branch in own]), sum(costs)),
        }[path.check]
        found.append((desk.words(answer), prompt + cost))
    rows[desk.request] = found
