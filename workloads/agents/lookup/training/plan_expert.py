"""A scripted planner: it writes all calls of a question ahead, reads what came of them, answers or plans again.

Which row a placeholder means, where a relation turns out to have two, is a fair coin, since nobody knows. A call
that failed is planned again from there on, by the same tool or by its twin as the expert does it (`expert.py`);
a dead end is declared.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from adabench.workloads.agents.lookup.training.expert import HEAVY, Trace
from adabench.workloads.agents.lookup.training.trace_mixture import FAMILIES
from adabench.workloads.agents.substrate import action_words as tokens
from adabench.workloads.agents.substrate.action_steps import Call, Ids, is_ambiguous, rows_of
from adabench.workloads.agents.substrate.episodes import LONGEST
from adabench.workloads.agents.substrate.fault_plans import alternative, draw_faults
from adabench.workloads.agents.substrate.notation import number_words, words_of
from adabench.workloads.agents.substrate.plan_steps import observed, resolved
from adabench.workloads.agents.substrate.seeded_draws import Draws
from adabench.workloads.agents.substrate.tool_server import ToolServer
from adabench.workloads.agents.truth.problems import SIZES, Problem, draw_problem
from adabench.workloads.shared.language_model.contract import mix

_PLANNING = 0x7A13
"""Worlds of planners' trainings are keyed apart from all others."""


@dataclass
class Planner:
    """One episode being written."""

    problem: Problem
    server: ToolServer
    draws: Draws
    trace: Trace
    tools: dict[int, int] = field(
        default_factory=lambda: {tokens.K1: tokens.K1, tokens.C1: tokens.C1}
    )
    """By kind: the tool that is planned next."""
    down: set[int] = field(default_factory=set)
    results: dict[int, Ids] = field(default_factory=dict)
    attempts: Counter[Call] = field(default_factory=Counter)

    def work(self) -> None:
        """Plan, observe and join until there is an answer."""
        hop: int | None = 0
        self.trace.inject(tokens.PLAN)
        while hop is not None:
            made = carried_out(self.plan(hop), self.server, self.results, self.attempts)
            self.trace.inject(*observed(made))
            hop = self._join(made)

    def plan(self, first: int) -> list[Call]:
        """Write the calls from a hop on."""
        calls = []
        for hop, (kind, arguments) in enumerate(self._parts()):
            if hop >= first:
                call = Call(tokens.FIRST_HOP + hop, self.tools[kind], arguments)
                self.trace.own(call.marker, call.tool, *arguments, tokens.END_STEP)
                calls.append(call)
        self.trace.own(tokens.JOIN)
        return calls

    def _parts(self) -> Iterator[tuple[int, Ids]]:
        """Yield the kind of tool and the arguments of each hop."""
        problem, hop = self.problem, 0
        start = problem.start
        here: Ids = number_words(start) if isinstance(start, int) else words_of(start)
        asked = [tokens.FIRST_RELATION + relation for relation in problem.relations]
        if problem.attribute is not None:
            asked.append(tokens.FIRST_ATTRIBUTE + problem.attribute)
        for word in asked:
            yield tokens.K1, (*here, word)
            here, hop = (tokens.ROWS[self.draws.below(2)], tokens.FIRST_HOP + hop), hop + 1
        if problem.attribute is not None:
            here = here[1:]
        for sign, number in problem.operations:
            yield tokens.C1, (*here, sign, *number_words(number))
            here, hop = (tokens.FIRST_HOP + hop,), hop + 1

    def _join(self, made: list[tuple[Call, Ids]]) -> int | None:
        """Answer; or return the hop from which to plan again."""
        call, result = made[-1]
        if result == (tokens.NONE,):
            self.trace.own(tokens.ANSWER, tokens.FAIL, tokens.END_STEP)
        elif result[0] not in tokens.FAULTS:
            words = result
            if is_ambiguous(result):
                row = tokens.ROWS[self.draws.below(2)]
                words = (row, *rows_of(result)[row])
            self.trace.own(tokens.ANSWER, *words, tokens.END_STEP)
        elif not self._changes_tool(call.tool, result):
            self.trace.own(tokens.ANSWER, tokens.FAIL, tokens.END_STEP, weight=HEAVY)
        else:
            self.trace.own(tokens.PLAN, weight=HEAVY)
            return call.marker - tokens.FIRST_HOP
        return None

    def _changes_tool(self, tool: int, fault: Ids) -> bool:
        """Take the twin of a tool that was late or is down; say whether any is left."""
        kind = tokens.K1 if tool in tokens.LOOK_UPS else tokens.C1
        if fault == (tokens.DOWN,):
            self.down.add(tool)
        if fault != (tokens.TRANSIENT,):
            if alternative(tool) not in self.down:
                self.tools[kind] = alternative(tool)
            elif tool in self.down:
                return False
        return True


def carried_out(
    calls: Sequence[Call], server: ToolServer, results: dict[int, Ids], attempts: Counter[Call]
) -> list[tuple[Call, Ids]]:
    """Make the calls of a plan one after another, but those whose placeholders stand for nothing."""
    made = []
    for call in calls:
        whole = resolved(call, results)
        if whole is not None:
            result = server.call(whole.tool, whole.arguments, attempts[whole])
            attempts[whole] += 1
            results[call.marker] = result
            made.append((call, result))
        else:
            results.pop(call.marker, None)
    return made


def write_plan_trace(problem: Problem, server: ToolServer, draws: Draws) -> Trace:
    """Return an episode of the planner."""
    planner = Planner(problem, server, draws, Trace(problem.prompt))
    planner.work()
    planner.trace.own(tokens.EOS)
    return planner.trace


def plan_traces(seed: int) -> Iterator[Trace]:
    """Yield the planner's traces on questions of trainings for ever; one that is too long is cut."""
    for count in itertools.count():
        key = mix(_PLANNING, seed, count)
        draws = Draws(key)
        family = draws.weighted(FAMILIES)
        problem = draw_problem(family, draws.pick(SIZES[family]), mix(key, 1), "train")
        server = ToolServer(problem.world, draw_faults(mix(key, 2)), deadline_s=0.0)
        trace = write_plan_trace(problem, server, draws)
        yield replace(trace, words=trace.words[:LONGEST], weights=trace.weights[:LONGEST])
