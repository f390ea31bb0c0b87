"""What policies learn from: an endless mixture of the expert's episodes in fresh worlds.

    kb     45 %    act 70, chk 20, cot 5, dir 5
    mix    25 %    act 75, chk 10, cot 10, dir 5
    arith  30 %    act 20, cot 50, dir 30

Rows are taken by a fair coin and failing episodes stay: they teach the critic, and the procedure after a
wrong choice is right all the same. Two in five `act` prompts with an ambiguous hop carry one or two hints,
which name either row; half of the `act` episodes are judged, and most of those that failed reflected on.

For A2FM's policies the three modes of its paper follow the size of a question (`by_size`): longer sums are seldom
answered at once. Modes overlap: easy questions come in dear modes too, single operations as often in a chain as
at once. Prompts with nothing but their mode stand beside whole episodes, where the mode is one word in thirty.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace

from adabench.workloads.agents.lookup.training.expert import Trace, write_trace
from adabench.workloads.agents.substrate.action_words import ACT, CHAIN, CHECK, DIRECT
from adabench.workloads.agents.substrate.episodes import LONGEST
from adabench.workloads.agents.substrate.fault_plans import draw_faults
from adabench.workloads.agents.substrate.notation import Hint
from adabench.workloads.agents.substrate.seeded_draws import Draws
from adabench.workloads.agents.substrate.tool_server import ToolServer
from adabench.workloads.agents.truth.problems import SIZES, Family, draw_problem
from adabench.workloads.shared.language_model.contract import mix

FAMILIES: tuple[tuple[Family, float], ...] = (("kb", 0.45), ("mix", 0.25), ("arith", 0.30))
MODE_SHARES: dict[Family, tuple[tuple[int, float], ...]] = {
    "kb": ((ACT, 0.70), (CHECK, 0.20), (CHAIN, 0.05), (DIRECT, 0.05)),
    "mix": ((ACT, 0.75), (CHECK, 0.10), (CHAIN, 0.10), (DIRECT, 0.05)),
    "arith": ((ACT, 0.20), (CHAIN, 0.50), (DIRECT, 0.30)),
}
AT_ONCE: dict[int, float] = {1: 0.45, 2: 0.05, 3: 0.02, 4: 0.02}
"""By the size of a sum: how often A2FM's traces answer it at once."""
SUM_WITH_TOOLS = 0.10
PROMPTED: tuple[Family, ...] = ("arith", "arith", "kb", "mix")
HINTED, JUDGED, REFLECTED = 0.4, 0.5, 0.8
_TRAINING, _ROUTING = 0x7A11, 0x7A12
"""Worlds of trainings are keyed apart from those of questions."""


Shares = tuple[tuple[int, float], ...]
Routing = Callable[[Family, int], Shares]
"""From a family and a size to the shares of its modes."""


def by_family(family: Family, size: int) -> Shares:
    """Return the shares of the four modes, whatever the size."""
    return MODE_SHARES[family]


def by_size(family: Family, size: int) -> Shares:
    """Return the shares of A2FM's three modes: facts mostly with tools, sums at once where they are short."""
    if family == "arith":
        at_once = AT_ONCE[size]
        return (ACT, SUM_WITH_TOOLS), (CHAIN, 1 - SUM_WITH_TOOLS - at_once), (DIRECT, at_once)
    chain = dict(MODE_SHARES[family])[CHAIN]
    return (ACT, 0.95 - chain), (CHAIN, chain), (DIRECT, 0.05)


def traces(seed: int) -> Iterator[Trace]:
    """Yield traces for ever."""
    count = 0
    while True:
        yield draw_trace(mix(_TRAINING, seed, count))
        count += 1


def routed_traces(seed: int) -> Iterator[Trace]:
    """Yield traces whose modes follow the size for ever."""
    return (draw_trace(mix(_ROUTING, seed, count), by_size) for count in itertools.count())


def routed_prompts(seed: int) -> Iterator[Trace]:
    """Yield prompts with their mode alone for ever, sums as often as facts."""
    for count in itertools.count():
        draws = Draws(mix(_ROUTING, seed, count, 1))
        family = draws.pick(PROMPTED)
        problem = draw_problem(
            family, draws.pick(SIZES[family]), mix(_ROUTING, seed, count, 2), "train"
        )
        yield Trace(problem.prompt, [draws.weighted(by_size(family, problem.size))], [1.0])


def draw_trace(seed: int, routing: Routing = by_family) -> Trace:
    """Draw a question and an episode of the expert's on it; one that is too long is cut."""
    draws = Draws(seed)
    family = draws.weighted(FAMILIES)
    problem = draw_problem(family, draws.pick(SIZES[family]), mix(seed, 1), "train")
    mode = draws.weighted(routing(family, problem.size))
    hops = problem.ambiguous_hops
    if mode == ACT and hops and draws.chance(HINTED):
        problem = problem.hinted(_hints(draws, hops))
    server = ToolServer(problem.world, draw_faults(mix(seed, 2)), deadline_s=0.0)
    judged = family != "arith" and draws.chance(JUDGED)
    trace = write_trace(
        problem, server, draws, mode, judged=judged, reflects=draws.chance(REFLECTED)
    )
    return replace(trace, words=trace.words[:LONGEST], weights=trace.weights[:LONGEST])


def _hints(draws: Draws, hops: tuple[int, ...]) -> tuple[Hint, ...]:
    """Draw one or two hints at different hops, naming either row."""
    count = min(len(hops), 1 + draws.below(2))
    return tuple((hop, draws.below(2)) for hop in draws.distinct(hops, count))
