"""How a library of graphs is made: a search for each mix, a head over six graphs, a table of edits.

**Search.** From the hand-made graph on, so many rounds: a parent by the softmax of its score, or by any of three a die, one change, and
its score on the same labelled questions, half of them with faults. The five best stay in an archive.
**Head.** All six graphs answer labelled questions; logistic regression of who is right on the policy's state behind the prompt.
**Edits.** On each of these questions the chosen graph answers, three policies solve it anew, and critics read all four; the table
is the value of each edit, averaged over these logs by draws of edits, the last edit first.

Questions are of the `train` split, keyed apart from all others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.agents.substrate import action_words as tokens
from adabench.workloads.agents.substrate.agent_task import Scene
from adabench.workloads.agents.substrate.fault_plans import NO_FAULTS, USUAL_FAULTS, draw_faults
from adabench.workloads.agents.substrate.seeded_draws import Draws
from adabench.workloads.agents.substrate.serving.agent_server import Load
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Stream
from adabench.workloads.agents.substrate.serving.served_model import ServedModel
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams
from adabench.workloads.agents.substrate.serving.team import team
from adabench.workloads.agents.substrate.strategy_adapter import kind_of
from adabench.workloads.agents.substrate.workflow import execute
from adabench.workloads.agents.truth.problems import Answers, Problem, draw_problem
from adabench.workloads.agents.truth.requests import read_kinds
from adabench.workloads.agents.workflows.substrate.library import (
    EDITS,
    HAND,
    MIXES,
    POLICIES,
    PRICE,
    SINGLE,
    SIZE,
    SOLVES,
    STATES,
    STOP,
    VERIFY,
    VOTES,
    GraphPlan,
    LibraryRecipe,
    best_of,
    restored,
    state_of,
)
from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.trainer import Trainer, seeded, silent

AT_ONCE, ARCHIVE, HEAT, BLIND, DRAWS = 40, 5, 0.05, 0.3, 40
RATE, DECAY = 1e-2, 1e-2
_STREAM = 0x11B8


def train(
    plan: LibraryRecipe, progress: Progress = silent
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Return what a library's file holds, and what it is worth."""
    model = team(plan.policy, 1)
    model.begin()
    archives, spent = [], []
    for place, name in enumerate(MIXES):
        bench = Bench(plan, model, training_problems(plan, name, plan.validation, place))
        archives.append(searched(plan, bench, place))
        spent.append(bench.words)
        progress(place + 1, len(MIXES) + 2)
    graphs = library_graphs(archives)
    bench = Bench(plan, model, training_problems(plan, "all", plan.questions, len(MIXES)))
    right, words = (np.array(rows) for rows in zip(*map(bench.run, graphs), strict=True))
    states = np.array([state(model, one) for one in bench.asked])
    progress(len(MIXES) + 1, len(MIXES) + 2)
    with seeded(plan.seed):
        weight, shift = fitted(plan, states, right.T)
    found = {
        "searched": torch.tensor([best for (best, *_) in archives]),
        "graphs": torch.tensor(graphs), "weight": weight, "shift": shift,
        "words": torch.tensor(words.mean(1)),
        "edits": torch.zeros(STATES, dtype=torch.int64),
        "spent": torch.tensor([*spent, sum(spent) + bench.words, 0]),
    }  # fmt: skip
    own = restored(found)
    chosen = [graphs[own.choice(own.selector.odds(one))] for one in states]
    before = bench.words
    found["edits"] = torch.from_numpy(edits(plan, bench, chosen))
    found["spent"][-1] = bench.words - before
    kinds = np.array([kind_of(one.prompt) for one in bench.asked])
    worth = right - PRICE * words
    by_kind = [worth[:, kinds == kind].mean(1).max() for kind in kinds]
    best = worth.argmax(0)
    dev = {
        "best_graph": float(worth.mean(1).max()),
        "room": float(np.mean(by_kind) - worth.mean(1).max()),
        "useful": float(sum((best == n).mean() >= 0.05 for n in range(SIZE))),
        "selected": float(np.mean([worth[graphs.index(one), n] for n, one in enumerate(chosen)])),
    }
    return found, {name: round(value, 4) for name, value in dev.items()}


def training_problems(plan: LibraryRecipe, name: str, count: int, key: int) -> list[Problem]:
    """Draw questions of a mix, its kinds in turn."""
    kinds = read_kinds(name)[name]
    return [
        draw_problem(*kinds[n % len(kinds)], mix(_STREAM, plan.seed, key, n), "train")
        for n in range(count)
    ]


def state(model: ServedModel, one: Problem) -> Any:
    """Return the first policy's state behind a prompt, [width]."""
    seq = model.engine.open(one.prompt, 0)
    found = model.engine.hidden(seq, len(seq.ids) - 1)[0].copy()
    model.engine.close(seq)
    return found


@dataclass
class Bench:
    """Labelled questions behind a server, and the words that graphs took on them; every other one meets faults."""

    plan: LibraryRecipe
    model: ServedModel
    asked: Sequence[Problem]
    words: int = 0

    def run(self, graph: GraphPlan) -> tuple[list[float], list[float]]:
        """Return on which questions a graph is right, and what it takes on each."""
        right, words = [0.0] * len(self.asked), [0.0] * len(self.asked)

        def answer(first: int, desk: Desk) -> Agent:
            branch = yield from execute(desk, graph.template)
            place = first + desk.request
            right[place] = self.grade(place, () if branch is None else desk.words(branch))
            words[place] = desk.handled

        self.serve(answer)
        self.words += int(sum(words))
        return right, words

    def grade(self, place: int, words: tuple[int, ...]) -> float:
        """Return whether an answer is right."""
        return float(Answers((self.asked[place],)).judge(0, words)["accuracy"])

    def serve(self, make: Callable[[int, Desk], Agent]) -> None:
        """Serve all questions, some at once; agents are told the place of the first of their part."""
        task = AgentStreams(self.plan.seed, lambda: self.model)
        for first in range(0, len(self.asked), AT_ONCE):
            part = self.asked[first : first + AT_ONCE]
            stream = Stream(first, tuple(one.prompt for one in part), "", ())
            rates = [USUAL_FAULTS if (first + n) % 2 else NO_FAULTS for n in range(len(part))]
            task.enter(
                stream,
                tuple(
                    Scene(one.world, draw_faults(mix(one.world.seed, 2), rate))
                    for one, rate in zip(part, rates, strict=True)
                ),
            )
            task.serve(stream, partial(make, first), Load(concurrency=AT_ONCE))


def searched(plan: LibraryRecipe, bench: Bench, key: int) -> list[GraphPlan]:
    """Return the archive of a search, the best first."""
    draws, seen = Draws(mix(_STREAM, plan.seed, 9, key)), dict[GraphPlan, float]()
    child = HAND
    for _ in range(plan.rounds + 1):
        right, words = bench.run(child)
        seen[child] = float(np.mean(right) - PRICE * np.mean(words))
        archive = sorted(seen, key=seen.__getitem__, reverse=True)[:ARCHIVE]
        odds = np.exp((np.array([seen[one] for one in archive]) - seen[archive[0]]) / HEAT)
        odds = BLIND / len(archive) + (1 - BLIND) * odds / odds.sum()
        while child in seen:
            child = changed(draws.weighted(list(zip(archive, odds.tolist(), strict=True))), draws)
    return archive


def changed(graph: GraphPlan, draws: Draws) -> GraphPlan:
    """Return a graph with one change: an episode added, left out or another, or a check added, left out or another."""
    solves = [one for one in graph[:3] if one >= 0]
    act = draws.below(4)
    if act == 0 and len(solves) < 3:
        solves.append(draws.below(len(SOLVES)))
    elif act == 1 and len(solves) > 1:
        solves.pop(draws.below(len(solves)))
    elif act == 2 and graph.critic >= 0:
        return graph._replace(critic=-1, other=-1)
    elif act == 2:
        return graph._replace(critic=draws.below(len(POLICIES)), other=draws.below(len(SOLVES)))
    else:
        solves[draws.below(len(solves))] = draws.below(len(SOLVES))
    first, second, third = (*solves, -1, -1)[:3]
    return GraphPlan(first, second, third, graph.critic, graph.other)


def library_graphs(archives: Sequence[Sequence[GraphPlan]]) -> list[GraphPlan]:
    """Return a library: the best of each archive, three that hands made, and then the next best."""
    ranked = [HAND, SINGLE, VOTES, *(one for rank in zip(*archives, strict=True) for one in rank)]
    first = [archive[0] for archive in archives]
    return list(dict.fromkeys([*first, *ranked]))[:SIZE]


def fitted(plan: LibraryRecipe, states: Any, right: Any) -> tuple[Tensor, Tensor]:
    """Return weights and shifts of a head, by which each graph is right."""
    inputs, wanted = torch.from_numpy(states), torch.from_numpy(right).float()
    head = nn.Linear(inputs.shape[1], wanted.shape[1])
    optimiser = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=DECAY)

    def loss(step: int) -> Tensor:
        del step
        return F.binary_cross_entropy_with_logits(head(inputs), wanted)

    Trainer(optimiser).fit(loss, plan.steps, silent)
    return head.weight.detach(), head.bias.detach()


@dataclass(frozen=True)
class Log:
    """Four answers to a question, the chosen graph's first, and what a critic says of each."""

    answers: tuple[Any, ...]
    sures: tuple[float, ...]
    failed: tuple[bool, ...]
    right: tuple[float, ...]
    words: tuple[int, ...]
    """Of each answer."""
    read: tuple[int, ...]
    """Of each critic."""


def edits(plan: LibraryRecipe, bench: Bench, chosen: Sequence[GraphPlan]) -> Any:
    """Return the table of edits, the latest ones settled first."""
    logs = logged(bench, chosen)
    table = np.zeros(STATES, np.int64)
    draws = Draws(mix(_STREAM, plan.seed, 10))
    for left in range(1, EDITS + 1):
        values: dict[tuple[tuple[int, ...], int], list[float]] = {}
        for log in logs:
            for _ in range(DRAWS // EDITS):
                place, sures, spent = _arrived(log, draws, EDITS - left)
                state = _state(log, place, sures, left)
                for edit in (STOP, VERIFY, 2):
                    worth = _followed(log, table, edit, place, list(sures), left, spent)
                    values.setdefault((state, edit), []).append(worth)
        for state in product(*map(range, STATES[:3])):
            found = [
                np.mean(values.get(((*state, left), edit), [-1.0])) for edit in (STOP, VERIFY, 2)
            ]
            table[(*state, left)] = int(np.argmax(found))
    return table


def _arrived(log: Log, draws: Draws, count: int) -> tuple[int, list[float | None], int]:
    """Return where so many edits by a die lead: the latest answer, verdicts, words."""
    place, sures, spent = 0, list[float | None]([None] * 4), 0
    for _ in range(count):
        place, spent = _edited(log, 1 + draws.below(2), place, sures, spent)
    return place, sures, spent


def _edited(
    log: Log, edit: int, place: int, sures: list[float | None], spent: int
) -> tuple[int, int]:
    if edit == VERIFY:
        sures[place] = log.sures[place]
        return place, spent + log.read[place]
    place = min(place + 1, len(log.answers) - 1)
    return place, spent + log.words[place]


def _state(log: Log, place: int, sures: Sequence[float | None], left: int) -> tuple[int, ...]:
    return state_of(sures[place], log.failed[place], log.answers[: place + 1], left)


def _followed(
    log: Log, table: Any, edit: int, place: int, sures: list[float | None], left: int, spent: int
) -> float:
    """Return what an edit is worth if the table decides from there on."""
    while edit != STOP and left:
        place, spent = _edited(log, edit, place, sures, spent)
        left -= 1
        edit = int(table[_state(log, place, sures, left)])
    best = best_of(log.answers[: place + 1], sures[: place + 1])
    return log.right[best] - PRICE * spent


def logged(bench: Bench, chosen: Sequence[GraphPlan]) -> list[Log]:
    """Return what the chosen graphs and three policies answer, and what critics say of it."""
    found: dict[int, Log] = {}

    def answer(first: int, desk: Desk) -> Agent:
        place = first + desk.request
        first_one = yield from execute(desk, chosen[place].template)
        before = desk.handled
        others = [desk.begin_at("chk", policy) for policy in POLICIES]
        yield desk.finish(others)
        branches = [first_one or others[0], *others]
        sures, read = [], []
        for branch in branches:
            handled = desk.handled
            (sure,) = yield desk.check([branch])
            sures.append(sure)
            read.append(desk.handled - handled)
        texts = [desk.words(one) for one in branches]
        found[place] = Log(
            tuple(desk.answer(one) for one in branches), tuple(sures),
            tuple(bool(tokens.FAULTS & {*one}) for one in texts),
            tuple(bench.grade(place, one) for one in texts),
            (before, *(len(desk.prompt) + len(one) for one in texts[1:])), tuple(read),
        )  # fmt: skip
        bench.words += desk.handled

    bench.serve(answer)
    return [found[place] for place in range(len(chosen))]
