"""The cases of each set: which domain, which faults, whether a person has to decide.

    paper    the 19 scenarios of the paper's table, on the graphs of its text
    repo     the 19 of its released code, on its graphs
    subsets  every set of tools that may be down from the start, once a graph
    partial  faults that are no outage, on the tools of the cheapest path in turn
    retail, airline, telecom   tasks of a package (`service_domains.py`), each with no tool down, with every one, with every two

What stands in the paper's table is a caption ("cascade", "4 of 5 down"); which tools that means is our reading. `>`
says that a tool goes down when another one has worked.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from adabench.workloads.agents.substrate.seeded_draws import Draws
from adabench.workloads.agents.tools.substrate.graph_catalogue import PAPER, REPO
from adabench.workloads.agents.tools.substrate.post_classifiers import Post
from adabench.workloads.agents.tools.substrate.record_world import Errand
from adabench.workloads.agents.tools.substrate.tool_endpoint import (
    Fault,
    FaultKind,
    FaultSchedule,
    Scene,
    outages,
)
from adabench.workloads.agents.tools.substrate.tool_graph import RoutingCase, ToolGraph
from adabench.workloads.agents.tools.truth.service_domains import DOMAINS, errands
from adabench.workloads.shared.language_model.contract import mix

RISKY_AMOUNT = 15_000
KINDS = ("none", "single", "compound")
"""Of outages, by how many tools are down."""
_CASE, _NUMBERS = 0xCA5E, 0x70015


@dataclass(frozen=True)
class Scenario:
    """One row of a table."""

    domain: str
    faults: Mapping[str, Fault] = field(default_factory=dict)
    flag_stage: int = -1
    """Where a person has to decide: behind which stage that shows; -1: nowhere."""
    label: str = ""
    """What kind of fault it is; empty: none, single or compound by their number."""
    errand: Errand | None = None
    """Of a domain with records: what is asked of its tools."""

    @property
    def number(self) -> int:
        """Return a number by which copies of it are known, in every seed: 48 bits of a digest."""
        row = (self.domain, sorted(self.faults.items()), self.flag_stage, self.label, self.errand)
        return int.from_bytes(hashlib.sha256(repr(row).encode()).digest()[:6], "big")

    @property
    def kind(self) -> str:
        """Return the kind of fault that cases are grouped by."""
        if self.label:
            return self.label
        if self.flag_stage >= 0:
            return "risk"
        return KINDS[min(len(self.faults), 2)]


PAPER_SCENARIOS: Mapping[str, Scenario] = {
    "S1": Scenario("support"),
    "S2": Scenario("support", outages("stripe")),
    "S3": Scenario("support", outages("stripe", "razorpay")),
    "S4": Scenario("support", flag_stage=0),
    "S5": Scenario("support", outages(email="stripe")),
    "S6": Scenario("support", outages("email", "sms")),
    "S7": Scenario("support", outages("stripe", "email", "sms")),
    "T1": Scenario("travel"),
    "T2": Scenario("travel", outages("flight")),
    "T3": Scenario("travel", outages("flight", hotel="train")),
    "T4": Scenario("travel", flag_stage=0),
    "T5": Scenario("travel", outages("hotel", "hostel", "car")),
    "T6": Scenario("travel", outages("flight", "hotel", "confirm")),
    "M1": Scenario("moderation"),
    "M2": Scenario("moderation", outages("image")),
    "M3": Scenario("moderation", flag_stage=1),
    "M4": Scenario("moderation", outages("image", "toxicity")),
    "M5": Scenario("moderation", outages("image", toxicity="text")),
    "M6": Scenario("moderation", outages("image", "text", "toxicity", "queue")),
}
REPO_SCENARIOS: Mapping[str, Scenario] = {
    f"{domain[0].upper()}{place}": Scenario(domain, outages(*tools.split()))
    for domain, rows in (
        ("support", ("", "stripe", "email", "stripe email", "stripe razorpay", "email sms", "crm")),
        ("travel", ("", "flight", "hotel car", "flight train", "flight hotel car", "payment")),
        ("moderation", ("", "text", "auto", "text auto", "text image video", "toxicity")),
    )
    for place, tools in enumerate(rows, 1)
}
PARTIAL: tuple[tuple[FaultKind, Fault], ...] = (
    ("timeout", Fault("timeout")),
    ("lost", Fault("lost", calls=1)),
    ("error", Fault("error", calls=1)),
    ("rate_limit", Fault("rate_limit", calls=2)),
    ("recovering", Fault("recovering", calls=2)),
    ("intermittent", Fault("intermittent", chance=0.3)),
    ("slow", Fault("slow")),
    ("malformed", Fault("malformed")),
    ("wrong_data", Fault("wrong_data")),
)
SETS = ("paper", "repo", "subsets", "partial", *DOMAINS)


def scenarios(
    name: str, instances: int, own: ToolGraph | None = None
) -> Iterator[tuple[ToolGraph, Scenario]]:
    """Yield the graphs and scenarios of a set; with a graph of a user's own only its subsets and faults.

    Raises:
        EnvironmentProblem: if the package that a set comes from is missing.
    """
    if name in DOMAINS:
        for graph, errand in errands(name):
            for down in _subsets(tuple(dict.fromkeys(errand.names.values())), 0, 2):
                faults, label = outages(*errand.tools_down(down)), KINDS[len(down)]
                yield graph, Scenario(name, faults, label=label, errand=errand)
        return
    graphs = {own.domain: own} if own else REPO if name == "repo" else PAPER
    if name == "subsets":
        for domain, graph in graphs.items():
            for down in _subsets(graph.tools, 1, len(graph.tools)):
                yield graph, Scenario(domain, outages(*down))
    elif name == "partial":
        for turn in range(instances):
            for domain, graph in graphs.items():
                yield from ((graph, scenario) for scenario in _partial(domain, graph, turn))
    elif own:
        for scenario in (
            Scenario(own.domain),
            *(Scenario(own.domain, outages(t)) for t in own.tools),
        ):
            yield from ((own, scenario) for _ in range(instances))
    else:
        table = PAPER_SCENARIOS if name == "paper" else REPO_SCENARIOS
        for scenario in table.values():
            yield from ((graphs[scenario.domain], scenario) for _ in range(instances))


def _subsets(tools: Sequence[str], fewest: int, most: int) -> Iterator[tuple[str, ...]]:
    for size in range(fewest, most + 1):
        yield from combinations(tools, size)


def _partial(domain: str, graph: ToolGraph, turn: int) -> Iterator[Scenario]:
    """Yield each kind of fault on a tool of the cheapest path; and a tool that falls behind its own work."""
    path = [graph.by_cost(stage)[0] for stage in range(len(graph.stages))]
    tool = path[turn % len(path)]
    for label, fault in PARTIAL:
        yield Scenario(domain, {tool: fault}, label=label)
    if len(path) > 1:
        yield Scenario(domain, outages(path[-1], **{path[-2]: path[-2]}), label="fallen")


def draw_case(
    seed: int, index: int, graph: ToolGraph, scenario: Scenario
) -> tuple[RoutingCase, Scene]:
    """Draw the request of a scenario, and what its tools work on."""
    key = mix(_CASE, seed, index)
    draws = Draws(key)
    numbers = tuple(draws.distinct(range(28), len(graph.tools)))
    record, reference = 20 + draws.below(880), 1000 + draws.below(9000)
    is_looked_up = graph.stages[0].reads and graph.structure != "fanout"
    is_by_amount = scenario.flag_stage == 0 and is_looked_up
    is_post = graph.structure == "fanout"
    scene = Scene(
        RISKY_AMOUNT if is_by_amount else record,
        FaultSchedule(key, scenario.faults),
        -1 if is_by_amount else scenario.flag_stage,
        Post(key, draws.chance(0.5)) if is_post else None,
        scenario.errand,
    )
    group = f"{graph.structure} {scenario.kind}"
    request = f"{graph.domain} request {reference}: {', then '.join(s.title for s in graph.stages)}"
    return RoutingCase(index, group, graph, request, reference, numbers), scene
