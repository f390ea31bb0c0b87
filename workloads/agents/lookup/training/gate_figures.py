"""What a policy's card says of it: figures of its gates, and some beside, on worlds of the held-out split.

The questions are keyed apart from those that tasks ask. Everything is read off episodes that policy and tools
really wrote, with the file as it is shipped.
"""

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy.typing as npt

from adabench.workloads.agents.substrate import action_words as tokens
from adabench.workloads.agents.substrate.action_steps import (
    Ids,
    Step,
    is_ambiguous,
    rows_of,
    stated,
    steps,
)
from adabench.workloads.agents.substrate.episodes import EpisodeLoop, due_result
from adabench.workloads.agents.substrate.fault_plans import (
    ALL_DOWN,
    NO_FAULTS,
    USUAL_FAULTS,
    FaultRates,
    draw_faults,
)
from adabench.workloads.agents.substrate.policy_recipes import PER_GATE
from adabench.workloads.agents.substrate.tool_server import ToolServer
from adabench.workloads.agents.substrate.worlds import CLEAN, WorldRules
from adabench.workloads.agents.truth.problems import QUESTION_KINDS, Family, Problem, draw_problem
from adabench.workloads.shared.counting.ranking import auc
from adabench.workloads.shared.language_model.contract import Costs, Seq, mix
from adabench.workloads.shared.language_model.native.engine import NativeEngine

SAMPLES = 8
NOTHING_FOUND = frozenset((tokens.NONE, tokens.TRANSIENT, tokens.TIMEOUT, tokens.DOWN))
AT_ONCE = 100
"""Questions in one batch: a cache of more would be large."""
_GATE, _SHARES = 0x6A7E, 0x5A4E


@dataclass(frozen=True)
class Setting:
    """A kind of question, and how it is answered."""

    family: Family
    size: int
    mode: int
    rules: WorldRules | None = None
    faults: FaultRates = USUAL_FAULTS
    temperature: float = 0.0
    samples: int = 1
    hinted: bool = False


@dataclass(frozen=True)
class Episode:
    """What was written for a question."""

    problem: Problem
    completion: Ids
    sure: float
    """How probably the critic says ok; 0 where it was not asked."""

    @property
    def is_right(self) -> bool:
        """Tell whether the answer is right."""
        return stated(self.completion) == self.problem.answer


GREEDY: Mapping[str, Setting] = {
    "kb_dir": Setting("kb", 2, tokens.DIRECT),
    "kb_cot": Setting("kb", 2, tokens.CHAIN),
    **{f"kb_act_clean_{n}": Setting("kb", n, tokens.ACT, CLEAN, NO_FAULTS) for n in (2, 3, 4)},
    **{f"kb_act_{n}": Setting("kb", n, tokens.ACT) for n in (2, 3, 4)},
    "kb_chk_3": Setting("kb", 3, tokens.CHECK),
    **{f"mix_act_{n}": Setting("mix", n, tokens.ACT) for n in (3, 4)},
    **{f"arith_dir_{n}": Setting("arith", n, tokens.DIRECT) for n in (1, 2)},
    **{f"arith_cot_{n}": Setting("arith", n, tokens.CHAIN) for n in (2, 4)},
    "arith_act_4": Setting("arith", 4, tokens.ACT),
}
"""Figures that are shares of right answers."""
SAMPLED = Setting("kb", 3, tokens.ACT, temperature=1.0, samples=SAMPLES)
DELAYED = Setting("kb", 4, tokens.ACT, WorldRules(delay=2), temperature=1.0)
"""The questions of BAVT."""
HINTED = Setting("kb", 3, tokens.ACT, temperature=1.0, hinted=True)
NOTHING_WORKS = Setting("kb", 3, tokens.ACT, faults=ALL_DOWN)


def figures(engine: NativeEngine, count: int = PER_GATE) -> dict[str, float]:
    """Return a policy's figures, each of `count` questions."""
    found = {name: _accuracy(play(engine, setting, count)) for name, setting in GREEDY.items()}
    sampled = list(play(engine, SAMPLED, count, judged=True))
    found |= _of_samples(sampled)
    hinted = list(play(engine, HINTED, count))
    obeyed = [_obeys(one) for one in hinted if one.problem.hints]
    found["hint_binding"] = mean([one for one in obeyed if one is not None])
    failed = play(engine, NOTHING_WORKS, count)
    found["all_down"] = mean([stated(one.completion) == (tokens.FAIL,) for one in failed])
    return {name: round(value, 4) for name, value in found.items()}


def mode_shares(engine: NativeEngine, count: int = PER_GATE) -> dict[str, float]:
    """Return how often a policy's own first word is each mode, where every kind comes equally often.

    Nothing is answered: the word is all that is read.
    """
    engine.reset(Costs())
    words: Counter[int] = Counter()
    for index in range(count):
        family, size = QUESTION_KINDS[index % len(QUESTION_KINDS)]
        key = mix(_GATE, _SHARES, index)
        problem = draw_problem(family, size, mix(key, 1), "held-out")
        seq = engine.open(problem.prompt, key)
        engine.decode([seq], stop=frozenset(tokens.MODES), max_new=1, temperature=0.0)
        words[seq.completion[0]] += 1
        engine.reset(Costs())
    return {f"share_{tokens.WORDS[mode]}": round(words[mode] / count, 4) for mode in tokens.MODES}


def step_chance(engine: NativeEngine, count: int = PER_GATE) -> float:
    """Return how often a step brings an episode nearer to an answer, at the hop where it does so least.

    A call does that finds something; so does an answer, right or wrong. One that fails, finds nothing or gives
    up does not. Hops with fewer than a tenth of the episodes are left out.
    """
    steps_at: Counter[int] = Counter()
    good_at: Counter[int] = Counter()
    for episode in play(engine, DELAYED, count):
        done = 0
        for step in steps(episode.completion):
            steps_at[done] += 1
            if _is_nearer(step):
                good_at[done] += 1
                done += 1
    return min(good_at[k] / n for k, n in steps_at.items() if n >= count / 10)


def _is_nearer(step: Step) -> bool:
    if step.call is not None:
        return bool(step.result and step.result[0] not in NOTHING_FOUND)
    return step.head[:1] == (tokens.ANSWER,) and tokens.FAIL not in step.head


def play(
    engine: NativeEngine, setting: Setting, count: int, *, judged: bool = False
) -> Iterator[Episode]:
    """Yield episodes, those of one question side by side."""
    for first in range(0, count, AT_ONCE):
        yield from _batch(engine, setting, range(first, min(count, first + AT_ONCE)), judged)


def _batch(
    engine: NativeEngine, setting: Setting, indices: Sequence[int], judged: bool
) -> Iterator[Episode]:
    engine.reset(Costs())
    problems: dict[Seq, Problem] = {}
    servers: dict[Seq, ToolServer] = {}

    def answer(seq: Seq) -> Ids:
        return due_result(servers[seq], seq.completion)[1]

    loop = EpisodeLoop(engine.decode, engine.append, answer)
    for index in indices:
        key = mix(_GATE, index)
        problem, server = drawn(setting, key)
        root = engine.open(problem.prompt, key)
        engine.append([root], [(setting.mode,)])
        for leaf in engine.fork(root, setting.samples):
            problems[leaf], servers[leaf] = problem, server
    loop.finish(list(problems), setting.temperature)
    completions = {leaf: leaf.completion for leaf in problems}
    sure: Mapping[Seq, float] = {}
    if judged:
        able = [leaf for leaf in problems if not leaf.finished]
        engine.append(able, [(tokens.CRITIC,)] * len(able))
        sure = loop.verdicts(able)
    for leaf, problem in problems.items():
        yield Episode(problem, completions[leaf], sure.get(leaf, 0.0))


def drawn(setting: Setting, key: int) -> tuple[Problem, ToolServer]:
    """Draw a question and its tools; a hint names one row of its first ambiguous hop."""
    problem = draw_problem(setting.family, setting.size, mix(key, 1), "held-out", setting.rules)
    if setting.hinted and problem.ambiguous_hops:
        problem = problem.hinted([(problem.ambiguous_hops[0], mix(key, 2) % 2)])
    plan = draw_faults(mix(key, 3), setting.faults)
    return problem, ToolServer(problem.world, plan, deadline_s=0.0)


def _of_samples(episodes: Sequence[Episode]) -> dict[str, float]:
    """Return what eight samples of each question show."""
    groups = [episodes[i : i + SAMPLES] for i in range(0, len(episodes), SAMPLES)]
    one, best = _accuracy(episodes), mean([any(e.is_right for e in group) for group in groups])
    bound = [is_bound for one_ in episodes for is_bound in _bindings(one_.completion)]
    return {
        "kb_pass_1": one,
        "kb_gain_8": best - one,
        "binding": mean(bound),
        "critic_auc": decided_auc([e.sure for e in episodes], [e.is_right for e in episodes]),
        "calls": mean([sum(s.call is not None for s in steps(e.completion)) for e in episodes]),
    }


def _bindings(completion: Ids) -> Iterator[bool]:
    """Yield whether the row that was named is the one that the same step goes on with."""
    chain = list(steps(completion))
    for before, after in itertools.pairwise(chain):
        if is_ambiguous(before.result) and after.choice is not None:
            assert before.result is not None
            yield _entity(after) == rows_of(before.result)[after.choice]


def _entity(step: Step) -> Ids:
    """Return the entity that a step goes on with, or answers."""
    if step.call is not None:
        return step.call.arguments[:2]
    words = step.head[1:] if step.head[:1] == (tokens.ANSWER,) else step.head
    return words[1:] if words and words[0] in tokens.ROWS else words


def _obeys(episode: Episode) -> bool | None:
    """Tell whether the row that a hint names is named and taken; None where tools failed before."""
    (hop, row), chain = episode.problem.hints[0], list(steps(episode.completion))
    for before, after in itertools.pairwise(chain):
        is_hop = before.call is not None and before.call.marker == tokens.FIRST_HOP + hop - 1
        if is_hop and is_ambiguous(before.result):
            assert before.result is not None
            return _entity(after) == rows_of(before.result)[tokens.ROWS[row]]
    return None if stated(episode.completion) == (tokens.FAIL,) else False


def decided_auc(scores: npt.ArrayLike, right: npt.ArrayLike) -> float:
    """Return the AUC of scores; a half where all are right, or none is."""
    found = auc(scores, right)
    return 0.5 if math.isnan(found) else found


def _accuracy(episodes: Iterator[Episode] | Sequence[Episode]) -> float:
    return mean([one.is_right for one in episodes])


def mean(values: Sequence[float] | Sequence[bool]) -> float:
    """Return the mean; 0 of nothing."""
    return sum(values) / len(values) if values else 0.0
