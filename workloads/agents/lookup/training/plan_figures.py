"""What a planner's card says of it: figures of its gates, on worlds of the held-out split.

Everything is read off plans that the policy wrote, greedily, and tools that answered, with the file as it is
shipped. Whether a plan is sound is held against the question, rows of placeholders left aside.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from adabench.workloads.agents.lookup.training.expert import Trace
from adabench.workloads.agents.lookup.training.gate_figures import (
    AT_ONCE,
    Episode,
    Setting,
    drawn,
    mean,
)
from adabench.workloads.agents.lookup.training.plan_expert import Planner, carried_out
from adabench.workloads.agents.substrate.action_steps import Call, Ids, has_answered, stated
from adabench.workloads.agents.substrate.action_words import END_STEP, FAIL, JOIN, PLAN, ROWS
from adabench.workloads.agents.substrate.episodes import LONGEST
from adabench.workloads.agents.substrate.fault_plans import (
    ALL_DOWN,
    NO_FAULTS,
    draw_faults,
)
from adabench.workloads.agents.substrate.plan_steps import observed, planned_calls
from adabench.workloads.agents.substrate.policy_recipes import PER_GATE
from adabench.workloads.agents.substrate.seeded_draws import Draws
from adabench.workloads.agents.substrate.tool_server import ToolServer
from adabench.workloads.agents.substrate.worlds import CLEAN
from adabench.workloads.agents.truth.problems import Problem
from adabench.workloads.shared.language_model.contract import Costs, Seq, mix
from adabench.workloads.shared.language_model.native.engine import NativeEngine

_GATE = 0x91A7


ACCURACIES: Mapping[str, Setting] = {
    **{f"kb_clean_{n}": Setting("kb", n, PLAN, CLEAN, NO_FAULTS) for n in (2, 3, 4)},
    **{f"kb_{n}": Setting("kb", n, PLAN) for n in (2, 3, 4)},
    "kb_faults_3": Setting("kb", 3, PLAN, CLEAN),
    **{f"mix_{n}": Setting("mix", n, PLAN) for n in (3, 5)},
    "arith_4": Setting("arith", 4, PLAN),
    "arith_clean_4": Setting("arith", 4, PLAN, CLEAN, NO_FAULTS),
}
"""Figures that are shares of right answers."""
PLANNED = (Setting("kb", 4, PLAN), Setting("mix", 5, PLAN), Setting("arith", 4, PLAN))
NOTHING_WORKS = Setting("kb", 3, PLAN, faults=ALL_DOWN)


@dataclass
class _Run:
    """An episode that is being played."""

    problem: Problem
    server: ToolServer
    results: dict[int, Ids] = field(default_factory=dict)
    attempts: Counter[Call] = field(default_factory=Counter)


def figures(engine: NativeEngine, count: int = PER_GATE) -> dict[str, float]:
    """Return a planner's figures, each of `count` questions."""
    found = {
        name: mean([one.is_right for one in play(engine, setting, count)])
        for name, setting in ACCURACIES.items()
    }
    third = -(-count // len(PLANNED))
    plans = [one for setting in PLANNED for one in play(engine, setting, third)]
    found["sound"] = mean([is_sound(one.problem, one.completion) for one in plans])
    failed = play(engine, NOTHING_WORKS, count)
    found["all_down"] = mean([stated(one.completion) == (FAIL,) for one in failed])
    return {name: round(value, 4) for name, value in found.items()}


def play(engine: NativeEngine, setting: Setting, count: int) -> Iterator[Episode]:
    """Yield episodes."""
    for first in range(0, count, AT_ONCE):
        yield from _batch(engine, setting, range(first, min(count, first + AT_ONCE)))


def is_sound(problem: Problem, completion: Ids) -> bool:
    """Tell whether the first plan calls what the question asks for, in its order."""
    end = completion.index(JOIN) if JOIN in completion else len(completion)
    planner = Planner(problem, ToolServer(problem.world, draw_faults(0)), Draws(0), Trace(()))
    wanted = [_rowless(call) for call in planner.plan(0)]
    return [_rowless(call) for call in planned_calls(completion[:end])] == wanted


def _rowless(call: Call) -> Call:
    return call._replace(arguments=tuple(word for word in call.arguments if word not in ROWS))


def _batch(engine: NativeEngine, setting: Setting, indices: Sequence[int]) -> Iterator[Episode]:
    engine.reset(Costs())
    runs: dict[Seq, _Run] = {}
    for index in indices:
        key = mix(_GATE, index)
        problem, server = drawn(setting, key)
        seq = engine.open(problem.prompt, key)
        engine.append([seq], [(setting.mode,)])
        runs[seq] = _Run(problem, server)
    waiting = list(runs)
    while waiting:
        _draw(engine, waiting, JOIN)
        waiting = [seq for seq in waiting if seq.ids[-1] == JOIN]
        for seq in waiting:
            run = runs[seq]
            made = carried_out(planned_calls(seq.completion), run.server, run.results, run.attempts)
            engine.append([seq], [observed(made)])
        _draw(engine, waiting, END_STEP, PLAN)
        waiting = [seq for seq in waiting if seq.ids[-1] == PLAN and not _is_over(seq)]
    for seq, run in runs.items():
        yield Episode(run.problem, seq.completion, 0.0)


def _draw(engine: NativeEngine, seqs: Sequence[Seq], *stop: int) -> None:
    open_ = [seq for seq in seqs if not _is_over(seq)]
    if open_:
        rooms = [LONGEST - len(seq.completion) for seq in open_]
        engine.decode(open_, stop=frozenset(stop), max_new=rooms, temperature=0.0)


def _is_over(seq: Seq) -> bool:
    return seq.finished or len(seq.completion) >= LONGEST or has_answered(seq.completion)
