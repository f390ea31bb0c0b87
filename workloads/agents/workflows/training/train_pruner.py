"""How a pruner is trained: positions, REINFORCE and survivors in stage one, then stage two on both heads at once.

**Stage one.** The complete graph of all desks runs on each training question; where it is right, desks are removed one by one, in an
order by a die, as long as it stays so: these are the question's positions. For each number of desks a soft network of its own is then
moved by REINFORCE: it draws the edges between them, and the loss is `- 100 log P(edges)` of a graph that was right, as released. Graphs that
these networks draw and that answer survive: their desks and edges are the labels of stage two.

**Stage two.** On the labels g, A of survivors:

    L = MSE(edges, A) on pairs of desks that stay + mean(edges^2) on the others
      + BCE(p, g) + 0.05 mean(p) + 0.01 sum of edges at pruned desks / N^2

Left out: the rule that a step of stage one counts only above an accuracy of 0.85. Released code removes a desk by the weight of its edges; here
answers decide. Questions are of the `train` split, keyed apart from all others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.agents.substrate.action_words import VOCABULARY
from adabench.workloads.agents.substrate.agent_task import Scene
from adabench.workloads.agents.substrate.fault_plans import NO_FAULTS, draw_faults
from adabench.workloads.agents.substrate.seeded_draws import Draws
from adabench.workloads.agents.substrate.serving.agent_server import Load
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Stream
from adabench.workloads.agents.substrate.serving.served_model import ServedModel
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams
from adabench.workloads.agents.substrate.serving.team import team
from adabench.workloads.agents.substrate.shards import SUBJECTS, holder
from adabench.workloads.agents.substrate.workflow import execute
from adabench.workloads.agents.substrate.worlds import Split
from adabench.workloads.agents.truth.problems import (
    QUESTION_KINDS,
    Answers,
    Problem,
    draw_problem,
)
from adabench.workloads.agents.workflows.substrate.desk_graphs import DeskGraph, in_rounds
from adabench.workloads.agents.workflows.substrate.pruners import (
    DESKS,
    HIDDEN,
    NETS,
    PAIRS,
    SOFT,
    WIDE,
    PrunerRecipe,
    encode,
    pruned,
    restored,
    word_counts,
)
from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.training.checkpoints import Progress
from adabench.workloads.shared.training.trainer import Trainer, seeded, silent

AT_ONCE, HELD_OUT, ROUNDS = 40, 400, 2
SIZES = (2, 3, 4)
"""Of graphs whose edges are drawn; five positions and more are rare, and stay complete."""
REINFORCE_RATE, REINFORCE_SCALE = 0.1, 100.0
RATE, DECAY, TEN, TEN_RATE = 1e-2, 1e-3, 10, 0.1
_STREAM = 0xD35C
KINDS = (QUESTION_KINDS[0], *(kind for kind in QUESTION_KINDS if kind[0] != "arith"))
Net = dict[str, Tensor]


@dataclass
class Record:
    """A graph that was tried on a question."""

    question: int
    desks: tuple[int, ...]
    edges: tuple[int, ...]
    """Places in `PAIRS`."""
    words: int
    is_right: bool = False


def train(
    plan: PrunerRecipe, progress: Progress = silent
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Return what a pruner's file holds, and what it is worth."""
    model = team(plan.policy, DESKS)
    model.begin()
    asked = problems(mix(_STREAM, plan.seed, 1), plan.questions, "train")
    held = problems(mix(_STREAM, 1 << 32), HELD_OUT, "held-out")
    queries = {name: encoded(model, asked, name) for name in NETS}
    bench, words = Bench(plan, model, asked), queries[NETS[0]]
    with seeded(plan.seed):
        where = positions(plan, bench, progress)
        soft = {size: stage_one(plan, bench, words, where, size) for size in SIZES}
        right = survivors(plan, bench, words, where, soft)
        start = soft[SIZES[0]]
        starts = {name: fresh(queries[name]) if name == NETS[3] else start for name in NETS}
        ends = {name: stage_two(plan, name, starts[name], queries[name], right) for name in NETS}
    found = {
        f"{name}.{part}": weight.half()
        for name, net in ends.items()
        for part, weight in net.items()
    }
    found["best"] = torch.tensor(best_for_all(list(where.values())), dtype=torch.uint8)
    found["words"] = torch.tensor(bench.words)
    own = restored(found)
    dev = {
        "answered": len(where) / len(asked),
        "positions": float(np.mean([len(w) for w in where.values()])),
    }
    for name in NETS:
        figures = coverage(own.nets[name], held, encoded(model, held, name))
        key = "" if name == NETS[0] else f"_{name}"
        dev |= {f"{figure}{key}": value for figure, value in figures.items()}
    return found, {name: round(value, 4) for name, value in dev.items()}


def problems(seed: int, count: int, split: Split) -> list[Problem]:
    """Draw questions, kinds in turn; of sums, which need nobody, there is one."""
    turns = [KINDS[n % len(KINDS)] for n in range(count)]
    return [draw_problem(*kind, mix(seed, n), split) for n, kind in enumerate(turns)]


def encoded(model: ServedModel, drawn: Sequence[Problem], name: str) -> Tensor:
    """Return what a network reads of each prompt, its words or the first policy's mean state, [questions, width]."""
    if name != NETS[3]:
        return torch.stack([word_counts(one.prompt) for one in drawn])
    engine, found = model.engine, []
    for one in drawn:
        seq = engine.open(one.prompt, 0)
        found.append(engine.hidden(seq, 0).mean(axis=0))
        engine.close(seq)
    return torch.from_numpy(np.array(found))


@dataclass
class Bench:
    """Training questions behind a server, and what their graphs took."""

    plan: PrunerRecipe
    model: ServedModel
    asked: Sequence[Problem]
    words: int = 0

    def run(self, tried: Sequence[Record]) -> None:
        """Run graphs, each on its question, and write down which are right."""
        task = AgentStreams(self.plan.seed, lambda: self.model)
        for first in range(0, len(tried), AT_ONCE):
            part = tried[first : first + AT_ONCE]
            drawn = tuple(self.asked[one.question] for one in part)
            stream = Stream(first, tuple(one.prompt for one in drawn), "", ())
            scenes = (Scene(p.world, draw_faults(mix(p.world.seed, 2), NO_FAULTS)) for p in drawn)
            task.enter(stream, tuple(scenes))
            answers = task.serve(stream, partial(_answer, part), Load(concurrency=AT_ONCE))
            grader = Answers(drawn)
            for place, (one, answer) in enumerate(zip(part, answers, strict=True)):
                one.is_right = bool(answer) and bool(grader.judge(place, answer)["accuracy"])
                self.words += one.words


def _answer(part: Sequence[Record], desk: Desk) -> Agent:
    one = part[desk.request]
    places = {which: place for place, which in enumerate(one.desks)}
    edges = tuple((places[PAIRS[n][0]], places[PAIRS[n][1]]) for n in one.edges)
    branch = yield from execute(desk, in_rounds(DeskGraph(one.desks, edges), ROUNDS))
    if branch is not None:
        desk.offer(branch)
    one.words = desk.handled


def fresh(queries: Tensor) -> Net:
    """Return a network before its first step; states are scaled, and words are not, of which many are rare."""
    size = queries.shape[1]
    width = size + DESKS
    shapes = {
        "first": (width, HIDDEN), "second": (HIDDEN, WIDE), "hard_in": (HIDDEN, 64), "hard_out": (64, 1),
        "soft_in": (WIDE, SOFT), "soft_out": (SOFT, SOFT),
    }  # fmt: skip
    net = {name: torch.randn(shape) / shape[0] ** 0.5 for name, shape in shapes.items()}
    net |= {
        "first_shift": torch.zeros(HIDDEN),
        "hard_shift": torch.zeros(64),
        "soft_shift": torch.zeros(SOFT),
    }
    if size == VOCABULARY:
        return net | {"mean": torch.zeros(size), "scale": torch.ones(size)}
    return net | {"mean": queries.mean(0), "scale": queries.std(0)}


def learned(net: Mapping[str, Tensor], frozen: str = "mean scale") -> list[Tensor]:
    """Return the weights that a training moves."""
    return [
        w.requires_grad_() for name, w in net.items() if not name.startswith(tuple(frozen.split()))
    ]


def positions(plan: PrunerRecipe, bench: Bench, progress: Progress) -> dict[int, tuple[int, ...]]:
    """Return for each question that the complete graph answers which desks are left when all others are removed."""
    order = {
        n: Draws(mix(_STREAM, plan.seed, 3, n)).distinct(range(DESKS), DESKS)
        for n in range(plan.questions)
    }
    whole = [
        Record(n, tuple(range(DESKS)), tuple(range(len(PAIRS))), 0) for n in range(plan.questions)
    ]
    bench.run(whole)
    found = {one.question: one.desks for one in whole if one.is_right}
    for turn in range(DESKS):
        tried = []
        for question, desks in found.items():
            rest = tuple(desk for desk in desks if desk != order[question][turn])
            tried += [Record(question, rest, within(rest), 0)] if rest else []
        bench.run(tried)
        found |= {one.question: one.desks for one in tried if one.is_right}
        progress(turn + 1, DESKS)
    return found


def within(desks: Sequence[int]) -> tuple[int, ...]:
    """Return the pairs between some desks, as places in `PAIRS`."""
    return tuple(n for n, pair in enumerate(PAIRS) if {*pair} <= {*desks})


def drawn_graph(
    net: Net, queries: Tensor, question: int, desks: tuple[int, ...], draws: Draws
) -> Record:
    """Draw the edges of a graph as a network finds them likely."""
    with torch.no_grad():
        _, edges = encode(net, queries[question : question + 1])
    kept = tuple(n for n in within(desks) if draws.chance(float(edges[0, n])))
    return Record(question, desks, kept, 0)


Positions = Mapping[int, tuple[int, ...]]


def stage_one(
    plan: PrunerRecipe, bench: Bench, queries: Tensor, where: Positions, size: int
) -> Net:
    """Return a network whose edges REINFORCE moved, for questions of so many positions."""
    net, draws = fresh(queries), Draws(mix(_STREAM, plan.seed, 2, size))
    own = [question for question, desks in where.items() if len(desks) == size]
    optimiser = torch.optim.Adam(learned(net), lr=REINFORCE_RATE)

    def loss(step: int) -> Tensor:
        del step
        asked = [draws.pick(own) for _ in range(plan.batch)]
        tried = [drawn_graph(net, queries, one, where[one], draws) for one in asked]
        bench.run(tried)
        _, edges = encode(net, queries[asked])
        logs = []
        for row, one in zip(edges, tried, strict=True):
            places = list(within(one.desks))
            chosen = torch.tensor([n in one.edges for n in places])
            logs.append(
                torch.where(chosen, row[places], 1 - row[places]).log().sum() * one.is_right
            )
        return -REINFORCE_SCALE * torch.stack(logs).mean()

    Trainer(optimiser).fit(loss, plan.iterations if own else 0, silent)
    return {name: weight.detach() for name, weight in net.items()}


def survivors(
    plan: PrunerRecipe, bench: Bench, queries: Tensor, where: Positions, soft: Mapping[int, Net]
) -> list[Record]:
    """Return the graphs that networks drew on each question's positions and that answer it."""
    draws, tried, found = Draws(mix(_STREAM, plan.seed, 4)), list[Record](), list[Record]()
    for question, desks in where.items():
        if len(desks) in soft:
            net = soft[len(desks)]
            tried += [drawn_graph(net, queries, question, desks, draws) for _ in range(plan.tries)]
        else:
            found.append(Record(question, desks, within(desks), 0, is_right=True))
    bench.run(tried)
    return found + [one for one in tried if one.is_right]


def stage_two(
    plan: PrunerRecipe, name: str, start: Net, queries: Tensor, records: Sequence[Record]
) -> Net:
    """Return a network after stage two, hard and soft heads at once."""
    net = {part: weight.clone() for part, weight in start.items()}
    g = torch.tensor([[float(d in one.desks) for d in range(DESKS)] for one in records])
    a = torch.tensor([[float(n in one.edges) for n in range(len(PAIRS))] for one in records])
    seen = queries[[one.question for one in records]]
    is_ten = name == NETS[2]
    frozen = "mean scale soft" if name == NETS[1] else "mean scale"
    draws = torch.Generator().manual_seed(plan.seed)

    def loss(step: int) -> Tensor:
        del step
        rows = torch.randint(len(g), (plan.batch if is_ten else 64,), generator=draws)
        return joint_loss(*encode(net, seen[rows]), g[rows], a[rows])

    own = learned(net, frozen)
    optimiser = (
        torch.optim.Adam(own, lr=TEN_RATE)
        if is_ten
        else torch.optim.Adam(own, lr=RATE, weight_decay=DECAY)
    )
    Trainer(optimiser).fit(loss, TEN if is_ten else plan.steps, silent)
    return {part: weight.detach() for part, weight in net.items()}


def joint_loss(stays: Tensor, edges: Tensor, g: Tensor, a: Tensor) -> Tensor:
    """Return the loss of both heads, for labels g [records, desks] and A [records, pairs]."""
    left, right = ([pair[side] for pair in PAIRS] for side in (0, 1))
    both = g[:, left] * g[:, right]
    kept = ((edges - a) ** 2 * both).sum() / both.sum().clamp(min=1)
    cut = (edges**2 * (1 - both)).sum() / (1 - both).sum().clamp(min=1)
    hard = F.binary_cross_entropy(stays, g) + 0.05 * stays.mean()
    return kept + cut + hard + 0.01 * (edges * (1 - both)).sum(1).mean() / DESKS**2


def best_for_all(found_for: Sequence[tuple[int, ...]]) -> list[list[int]]:
    """Return for each size which desks hold the positions of most questions, [sizes, desks]."""
    found = []
    for size in range(1, DESKS + 1):
        best = max(
            combinations(range(DESKS), size),
            key=lambda some: sum({*one} <= {*some} for one in found_for),
        )
        found.append([int(desk in best) for desk in range(DESKS)])
    return found


def coverage(
    net: Mapping[str, Tensor], held: Sequence[Problem], queries: Tensor
) -> dict[str, float]:
    """Return on which share of questions no desk is missing, how many desks and edges stay, and where edges differ."""
    stays, edges = encode(net, queries)
    graphs = [pruned((*p, *e), 0.55) for p, e in zip(stays.tolist(), edges.tolist(), strict=True)]
    needed = [{holder(w, DESKS) for w in one.prompt if w in SUBJECTS} for one in held]
    covered = [need <= {*graph.desks} for need, graph in zip(needed, graphs, strict=True)]
    return {
        "covered": float(np.mean(covered)),
        "desks": float(np.mean([len(graph.desks) for graph in graphs])),
        "edges": float(np.mean([len(graph.edges) for graph in graphs])),
        "linked": float((edges.amax(1) > edges.amin(1)).float().mean()),
    }
