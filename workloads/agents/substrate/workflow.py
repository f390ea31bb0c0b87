"""Workflows: graphs of operators that an agent runs on its desk.

    template        operators, and edges between them; the last operator answers
    realised graph  the operators that ran for one request, and the words that each edge carried
    trace           the server's rows of calls (`serving/served_request.py`)

    solve      an episode of a mode and a policy, from the prompt on, with the tools of a desk
    hand over  reads the transcripts that come in, and goes on from the one that is furthest, with another desk's tools
    verify     a policy's critic says how sure it is of what comes in
    escalate   passes on what is sure enough, else an episode of its own mode and policy
    vote       the answer that comes in most often; the earliest of equals

**Edges carry words.** A policy that is handed an episode of another one, or of another desk, reads it from the first
word on, and that is booked. A critic of the episode's own policy has its cache and reads nothing again, and
a vote compares answers and reads nothing: their edges carry no words. An operator to which nothing comes does not run,
and one that passes on what came to it as it is stands in no realised graph.

`execute` is a generator for an agent: `branch = yield from execute(desk, template)`.
"""

from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, TypeVar

from adabench.harness.errors import SelectionError
from adabench.workloads.agents.substrate.serving.branches import Ask, Branch
from adabench.workloads.agents.substrate.serving.desk import Desk

Kind = Literal["solve", "hand over", "verify", "escalate", "vote"]
SOURCES = ("solve",)
"""Kinds that begin by themselves."""


@dataclass(frozen=True)
class Operator:
    """A node of a template."""

    kind: Kind
    mode: str = ""
    """Of an episode that it begins."""
    policy: str = ""
    """Whose words it has; the first policy has no name."""
    desk: int = 0
    heat: float = 0.0
    """The temperature at which its episodes are drawn; 0: the likeliest words."""
    accept: float = 0.5
    """Of an escalation: how sure a critic must be."""

    @property
    def label(self) -> str:
        """Return what it is, in words: what tells nodes of realised graphs apart."""
        own = (self.mode, self.policy and f"of {self.policy}", self.desk and f"at {self.desk}")
        return " ".join((self.kind, *(str(part) for part in own if part)))


@dataclass(frozen=True)
class Template:
    """Operators, and edges between their places; the last operator answers.

    Raises:
        SelectionError: for a graph that is empty, has an edge to nowhere or a cycle, or in which nothing reaches
            the last operator.
    """

    nodes: tuple[Operator, ...]
    edges: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot run."""
        count = len(self.nodes)
        if not count:
            raise SelectionError("A workflow has no operator.", "Give it one that solves.")
        for a, b in self.edges:
            if not (0 <= a < count and 0 <= b < count):
                raise SelectionError(
                    f"An edge of a workflow leads from {a} to {b}, and it has {count} operators.",
                    "Edges name places of operators, from 0.",
                )
        if sum(map(len, self.levels)) < count:
            raise SelectionError(
                "A workflow has a cycle: its operators wait for each other.", "Leave an edge out."
            )
        if not self._is_reached(count - 1):
            raise SelectionError(
                "A workflow has no end: nothing that solves leads to its last operator.",
                "Let edges lead to it from an operator that solves.",
            )

    @cached_property
    def before(self) -> tuple[tuple[int, ...], ...]:
        """Return for each operator those that lead to it."""
        into: list[list[int]] = [[] for _ in self.nodes]
        for a, b in self.edges:
            into[b].append(a)
        return tuple(map(tuple, into))

    @cached_property
    def levels(self) -> tuple[tuple[int, ...], ...]:
        """Return operators by how long the longest way to them is; those of a cycle are left out."""
        found: list[tuple[int, ...]] = []
        done: set[int] = set()
        while True:
            ready = [n for n, into in enumerate(self.before) if n not in done and done >= {*into}]
            if not ready:
                return tuple(found)
            found.append(tuple(ready))
            done |= {*ready}

    def _is_reached(self, node: int) -> bool:
        is_source = self.nodes[node].kind in SOURCES
        return is_source or any(self._is_reached(before) for before in self.before[node])


@dataclass(frozen=True)
class RealisedGraph:
    """What ran for one request: plain data."""

    nodes: tuple[str, ...]
    """Labels."""
    edges: tuple[tuple[int, int, int], ...]
    """From and to, as places of nodes, and the words that were read for it."""


@dataclass(frozen=True)
class Draft:
    """What an operator hands on."""

    branch: Branch
    maker: int
    """The operator that ran for it last."""
    policy: str
    desk: int
    sure: float | None = None
    """What a critic said of it."""


Running = Generator[Ask, Any, Branch | None]


@dataclass
class Run:
    """A template that is being run for one request."""

    desk: Desk
    template: Template
    drafts: dict[int, Draft] = field(default_factory=dict)
    """By operator: what it handed on."""
    edges: list[tuple[int, int, int]] = field(default_factory=list)
    ran: list[int] = field(default_factory=list)

    def begin(self, node: int) -> Draft | None:
        """Begin an operator; return an episode that has to be finished, or judged, for it, if there is one."""
        one, found = self.template.nodes[node], self._came(node)
        if one.kind == "solve":
            return self._solve(node, one)
        if not found:
            return None
        surest = max(found, key=lambda draft: draft.sure or 0.0)
        if one.kind == "escalate" and (surest.sure or 0.0) >= one.accept:
            self.drafts[node] = surest
            return None
        if one.kind == "hand over":
            return self._read(node, one, found)
        if one.kind == "verify":
            return self._shown(node, one, surest)
        self._carry(node, found)
        if one.kind == "escalate":
            return self._solve(node, one)
        answers = [self.desk.answer(draft.branch) for draft in found]
        self.drafts[node] = replace(elected(found, answers), maker=node)
        return None

    @property
    def graph(self) -> RealisedGraph:
        """Return what ran."""
        places = {node: place for place, node in enumerate(self.ran)}
        labels = tuple(self.template.nodes[node].label for node in self.ran)
        return RealisedGraph(labels, tuple((places[a], places[b], n) for a, b, n in self.edges))

    def _came(self, node: int) -> list[Draft]:
        return [self.drafts[n] for n in self.template.before[node] if n in self.drafts]

    def _solve(self, node: int, one: Operator) -> Draft:
        self.ran += [] if node in self.ran else [node]
        branch = self.desk.begin_at(one.mode, one.policy, one.desk)
        return Draft(branch, node, one.policy, one.desk)

    def _read(self, node: int, one: Operator, found: Sequence[Draft]) -> Draft:
        """Read every transcript that came in, and go on from the one that is furthest."""
        read = [self._heard(node, draft, one.policy, one.desk) for draft in found]
        self.ran.append(node)
        is_answer = self.desk.answer
        furthest = max(read, key=lambda b: (is_answer(b) is not None, len(self.desk.words(b))))
        return Draft(furthest, node, one.policy, one.desk)

    def _shown(self, node: int, one: Operator, draft: Draft) -> Draft:
        """Return what a critic looks at: it reads an episode that another policy wrote."""
        if one.policy == draft.policy:
            self._carry(node, [draft])
            return replace(draft, maker=node)
        self.ran.append(node)
        branch = self._heard(node, draft, one.policy, draft.desk)
        return Draft(branch, node, one.policy, draft.desk)

    def _heard(self, node: int, draft: Draft, policy: str, desk: int) -> Branch:
        branch = self.desk.hand_over(draft.branch, policy, desk)
        self.edges.append((draft.maker, node, len(self.desk.words(branch))))
        return branch

    def _carry(self, node: int, found: Sequence[Draft]) -> None:
        self.ran.append(node)
        self.edges += [(draft.maker, node, 0) for draft in found]


T = TypeVar("T")


def elected(options: Sequence[T], answers: Sequence[Any]) -> T:
    """Return the first option whose answer is stated most often; the first of all where none is stated."""
    counts = Counter(answer for answer in answers if answer is not None)
    most = max(counts.values(), default=0)
    return next(one for one, answer in zip(options, answers, strict=True) if counts[answer] == most)


def execute(desk: Desk, template: Template) -> Running:
    """Run a template on a request; return the branch that its last operator hands on, and note what ran."""
    return (yield from carry_out(Run(desk, template)))


def carry_out(run: Run) -> Running:
    """Run a template; what ran stays in `run`, for whoever goes on from there."""
    desk, template, nodes = run.desk, run.template, run.template.nodes
    for level in template.levels:
        begun = {node: draft for node in level if (draft := run.begin(node)) is not None}
        judged = {node: draft for node, draft in begun.items() if nodes[node].kind == "verify"}
        for heat in sorted({nodes[node].heat for node in begun.keys() - judged.keys()}):
            same = [n for n in begun if n not in judged and nodes[n].heat == heat]
            yield desk.finish([begun[n].branch for n in same], heat)
        run.drafts |= begun
        if judged:
            verdicts = yield desk.check([draft.branch for draft in judged.values()])
            for (node, draft), sure in zip(judged.items(), verdicts, strict=True):
                run.drafts[node] = replace(draft, sure=sure)
    desk.note(run.graph)
    last = run.drafts.get(len(nodes) - 1)
    return None if last is None else last.branch


def chain(operators: Iterable[Operator]) -> Template:
    """Return a template in which each operator follows the one before it."""
    nodes = tuple(operators)
    return Template(nodes, tuple((n, n + 1) for n in range(len(nodes) - 1)))


def depth_and_width(graph: RealisedGraph) -> tuple[int, int]:
    """Return the operators on the longest way of a realised graph, and the most at one distance from its start."""
    depth = [1] * len(graph.nodes)
    for a, b, _ in sorted(graph.edges, key=lambda edge: edge[1]):
        depth[b] = max(depth[b], depth[a] + 1)
    return max(depth, default=0), max(Counter(depth).values(), default=0)


def edit_distance(one: RealisedGraph, other: RealisedGraph) -> int:
    """Return how many nodes and edges, known by their labels, stand in one of two graphs alone."""
    left, right = _parts(one), _parts(other)
    return (left - right).total() + (right - left).total()


def _parts(graph: RealisedGraph) -> Counter[tuple[str, ...]]:
    edges = ((graph.nodes[a], graph.nodes[b]) for a, b, _ in graph.edges)
    return Counter[tuple[str, ...]]([*((node,) for node in graph.nodes), *edges])


def graph_figures(graphs: Sequence[RealisedGraph]) -> Mapping[str, float]:
    """Return what the realised graphs of a stream come to, a request on average; nothing if there are none.

    `distinct_graphs` counts shapes by nodes and edges without words; `edit_distance` is the mean over pairs of requests.
    """
    if not graphs:
        return {}
    shapes = Counter(
        RealisedGraph(one.nodes, tuple((a, b, 0) for a, b, _ in one.edges)) for one in graphs
    )
    each, count = list(shapes), len(graphs)
    apart = sum(
        2 * shapes[one] * shapes[other] * edit_distance(one, other)
        for place, one in enumerate(each)
        for other in each[:place]
    )
    spans = [depth_and_width(one) for one in each]
    sizes = [shapes[one] for one in each]
    means = {
        "nodes": [len(one.nodes) for one in each],
        "edges": [len(one.edges) for one in each],
        "depth": [depth for depth, _ in spans],
        "width": [width for _, width in spans],
    }
    found = {
        name: sum(n * size for n, size in zip(values, sizes, strict=True)) / count
        for name, values in means.items()
    }
    carried = [words for one in graphs for *_, words in one.edges if words]
    return {
        **found,
        "messages": len(carried) / count,
        "message_words": sum(carried) / count,
        "distinct_graphs": float(len(each)),
        "edit_distance": apart / (count * (count - 1)) if count > 1 else 0.0,
    }
