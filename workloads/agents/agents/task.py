"""Agents: what the calls of a question cost, one question after another and many at a time.

    kb      <bos> Q A7 B12 H1 r5 H2 r2 HZ Y3 >       facts that are behind tools alone
    mix     <bos> Q A7 B12 H1 r5 H2 n1 H3 + H3 3 HZ _ >   a fact, and sums on it
    arith   <bos> Q 7 H1 + H1 4 HZ _ >               sums modulo 10
"""

from collections.abc import Mapping
from functools import partial

from adabench.harness.contract.card import Card, Gap, Knob, Metric, Scalar
from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.agents.agents import conformance
from adabench.workloads.agents.agents.substrate.request_stream import Stream, draw_gaps
from adabench.workloads.agents.agents.substrate.stream_task import OUTCOMES, GradedStreams
from adabench.workloads.agents.substrate.agent_task import Scene
from adabench.workloads.agents.substrate.fault_plans import NO_FAULTS, USUAL_FAULTS, draw_faults
from adabench.workloads.agents.substrate.policies import absences, policy_name
from adabench.workloads.agents.substrate.policies import policy as load_policy
from adabench.workloads.agents.substrate.worlds import WorldRules
from adabench.workloads.agents.truth.problems import (
    SIZES,
    Answers,
    Family,
    Problem,
    draw_problem,
)
from adabench.workloads.shared.language_model.contract import mix

CARD = Card(
    title="Agents: what the calls of a question cost, and how they queue",
    paper="our own substrate; The Cost of Dynamic Reasoning, arXiv 2506.04301, is to run on it",
    adapts="how many calls of a model and of tools a question gets, decided as results come in",
    knobs=(
        Knob("policy", ("agent-s",), "agent-s", open=True),
        Knob("requests", (100,), 100, open=True, low=1),
        Knob("kinds", ("kb,mix,arith",), "kb,mix,arith", open=True),
        Knob("ambiguity", (0.35,), 0.35, open=True, low=0.0, high=1.0),
        Knob("faults", ("usual",), "usual", also=("none",)),
    ),
    metrics=(
        Metric("accuracy", "", "higher", "quality", primary=True),
        Metric("declared", "", "higher", "info"),
        Metric("malformed", "", "lower", "quality"),
        Metric("solved", "requests", "higher", "info"),
        Metric("words", "tokens", "lower", "work", primary=True),
        Metric("llm_calls", "calls", "lower", "cost"),
        Metric("judge_calls", "calls", "lower", "cost"),
        Metric("reflect_calls", "calls", "lower", "cost"),
        Metric("control_calls", "calls", "lower", "cost"),
        Metric("data_calls", "calls", "lower", "cost"),
        Metric("tool_calls", "calls", "lower", "cost"),
        Metric("failed_calls", "calls", "lower", "cost"),
        Metric("context_words", "tokens", "lower", "cost"),
        Metric("prefilled", "tokens", "lower", "cost"),
        Metric("generated", "tokens", "lower", "cost"),
        Metric("flops_counted", "FLOP", "lower", "cost"),
        Metric("kv_peak", "tokens", "lower", "cost"),
        Metric("kv_peak_bytes", "B", "lower", "cost"),
        Metric("request_s", "s", "lower", "cost"),
        Metric("queue_s", "s", "lower", "cost"),
        Metric("busy_s", "s", "lower", "cost"),
        Metric("prefill_s", "s", "lower", "cost"),
        Metric("decode_s", "s", "lower", "cost"),
        Metric("tool_s", "s", "lower", "cost"),
        Metric("p50_s", "s", "lower", "cost"),
        Metric("p95_s", "s", "lower", "cost"),
        Metric("p99_s", "s", "lower", "cost"),
        Metric("p95_over_p50", "", "lower", "info"),
        Metric("idle_share", "", "lower", "info"),
        Metric("offered_qps", "1/s", "higher", "info"),
        Metric("achieved_qps", "1/s", "higher", "info"),
        Metric("last_gain_per_s", "1/s", "higher", "info"),
        Metric("answers_digest", "", "higher", "info"),
    ),
)  # fmt: skip
CHECK_CONDITIONS = {"requests": 4}
check = conformance.check
__all__ = ["CARD", "CHECK_CONDITIONS", "OUTCOMES", "check", "load", "missing_abilities"]
ASKED: Mapping[Family, tuple[int, ...]] = {"kb": (2, 3, 4), "mix": (3, 4, 5), "arith": (2, 3, 4)}
"""By family: the sizes of its questions, in turn."""
_EVALUATION = 0xA6E7
"""Worlds of this task are keyed apart from those of trainings, gates and other tasks."""


def load(
    scale: str,
    seed: int,
    *,
    policy: str = "agent-s",
    requests: int = 100,
    kinds: str = "kb,mix,arith",
    ambiguity: float = 0.35,
    faults: str = "usual",
) -> GradedStreams:
    """Return the task under the given conditions.

    Raises:
        SelectionError: for a scale, a policy or a kind of question that it does not have.
    """
    if scale not in CARD.scales:
        raise SelectionError(f"agents has no scale {scale!r}.", "It runs at `embedded`.")
    asked = read_kinds(kinds)
    rules = WorldRules(ambiguity=ambiguity)
    rates = NO_FAULTS if faults == "none" else USUAL_FAULTS
    drawn = [_drawn(seed, requests, family, sizes, rules) for family, sizes in asked.values()]
    return GradedStreams(
        seed,
        partial(load_policy, policy_name(policy, seed)),
        streams=tuple(
            Stream(
                index, tuple(one.prompt for one in problems), name,
                draw_gaps(mix(_EVALUATION, seed, index), requests),
            )
            for index, (name, problems) in enumerate(zip(asked, drawn, strict=True))
        ),
        scenes=tuple(
            tuple(Scene(one.world, draw_faults(mix(one.world.seed, 1), rates)) for one in problems)
            for problems in drawn
        ),
        graders=tuple(Answers(problems) for problems in drawn),
    )  # fmt: skip


def missing_abilities(conditions: Mapping[str, Scalar]) -> dict[str, tuple[str, str]]:
    """Return by ability why no method gets it under these conditions, and what would give it.

    Raises:
        SelectionError: if there is no such policy.
    """
    found = absences(str({**CARD.defaults, **conditions}["policy"]))
    return {name: why for name, why in found.items() if name == "values"}


def read_kinds(text: str) -> dict[str, tuple[Family, tuple[int, ...]]]:
    """Read which streams there are: a family (`kb`), or one size of it (`kb4`).

    Raises:
        SelectionError: for one that there is not.
    """
    known: dict[str, tuple[Family, tuple[int, ...]]] = {
        family: (family, sizes) for family, sizes in ASKED.items()
    }
    known |= {f"{family}{n}": (family, (n,)) for family, sizes in SIZES.items() for n in sizes}
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known:
            raise SelectionError(f"There is no kind of question {name!r}.", nearest(name, known))
    return {name: known[name] for name in names}


def _drawn(
    seed: int, count: int, family: Family, sizes: tuple[int, ...], rules: WorldRules
) -> tuple[Problem, ...]:
    """Draw the questions of a stream, sizes in turn."""
    code = list(SIZES).index(family)
    return tuple(
        draw_problem(
            family, sizes[i % len(sizes)], mix(_EVALUATION, seed, code, sizes[i % len(sizes)], i),
            "held-out", rules,
        )
        for i in range(count)
    )  # fmt: skip
