"""Agents: what the calls of a question cost, one question after another and many at a time.

    kb      <bos> Q A7 B12 H1 r5 H2 r2 HZ Y3 >            facts that are behind tools alone
    mix     <bos> Q A7 B12 H1 r5 H2 n1 H3 + H3 3 HZ _ >   a fact, and sums on it
    arith   <bos> Q 7 H1 + H1 4 HZ _ >                    sums modulo 10

A case is a stream of requests of one family, and a method answers all of them: percentiles, idle time and
queues belong to a population. Policy, worlds, tools and faults are those of `lookup`; here the server
is what is looked at.

    def agent(desk):
        branch = desk.begin("act")
        yield desk.finish([branch])
        desk.offer(branch)

    def solve(task, stream, point):
        return task.serve(stream, agent, Load(qps=4.0))

**The server** runs the agents of all requests that are there, and decodes their branches together, some words
at a time (`agents/substrate/serving/agent_server.py`). At `qps` 0 one request follows the other; at a rate they come as Poisson
has it and are served in turn. Gaps in which nobody waits are added to the clock and not slept through.

**What is scored.** `accuracy`: answers that are right, over the requests; nothing is right that policy and tools
did not write. `answers_digest`: 48 bits of a hash of all answers, equal where every word is.

**What is counted**, a request on average: `llm_calls`, what a model writes at a stretch, up to a tool or an end;
`judge_calls` and `reflect_calls` of these; `tool_calls`. `words`: those generated and read. `prefilled`: read as
it really ran, with what the cache kept; `context_words`: what all calls would read without one. `kv_peak`: the most
that a stream held at once.

**What is timed.** `request_s` from arrival to answer, `queue_s` of it before service. For streams of 20 requests
and more: `p50_s`, `p95_s`, `p99_s`, `p95_over_p50`; `idle_share`, the share of the time with somebody being
served in which no call of the model ran; `tool_share`, in which tools ran, and `overlap_share`, in which both did
(`overlap_s`, in seconds); `offered_qps` and `achieved_qps`. With fewer than a hundred requests percentiles are
indicative. `gain_per_s`: the points of accuracy a second that the last trial brought over the
one before, where an agent offered several answers. Joules a solved request: those of a case that `--energy`
gives, over `solved`.

**How slow tools are** is what a look-up reads: at `entries` of a method, through a table of so many people and
without an index (`tool_server.py`). Answers do not depend on it.

**Conditions.** `kinds`: a stream for each, a family or one size of it (`kb4`). `requests`: in each stream.
`ambiguity`, `faults`: as in `lookup`.

    adabench run agents/react agents/cot --model hf:Qwen/Qwen2.5-1.5B-Instruct --set requests=20
    adabench run agents/react --model openai:http://127.0.0.1:8000/v1#name --set requests=20

**Models** (`model`): `builtin`, the policies of the family, each with a planner beside it; or `smollm2`, `hf:NAME`,
`hf:FOLDER`, `openai:URL#NAME`. Then questions, worlds and tools are in English: a search in an index on disk, a
calculator, Python in a process with limits. Searches with values of steps, and plans, need a policy of ours.
"""

from collections.abc import Mapping, Sequence
from functools import partial

from adabench.harness.contract.card import Card, Gap, Knob, Metric, Scalar
from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.agents.agents.truth.text_answers import TextAnswers, question_text
from adabench.workloads.agents.substrate.agent_task import Scene
from adabench.workloads.agents.substrate.fault_plans import NO_FAULTS, USUAL_FAULTS, draw_faults
from adabench.workloads.agents.substrate.named_models import AUTO, NamedModel
from adabench.workloads.agents.substrate.policies import absences, policy_name
from adabench.workloads.agents.substrate.serving.desk import Stream, draw_gaps
from adabench.workloads.agents.substrate.serving.served_model import (
    named_model,
    small_planner,
    small_policy,
)
from adabench.workloads.agents.substrate.serving.stream_task import OUTCOMES, GradedStreams
from adabench.workloads.agents.substrate.serving.text_script import LONGEST, SPARE, TextScript
from adabench.workloads.agents.substrate.worlds import WorldRules
from adabench.workloads.agents.truth.problems import SIZES, Answers, Family, Problem, draw_problem
from adabench.workloads.shared.counting.conformance_kit import source_problems
from adabench.workloads.shared.counting.source_rules import Rules
from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.sources.codec_source import open_codec

CARD = Card(
    title="Agents: what the calls of a question cost, and how they queue",
    paper="our own substrate; The Cost of Dynamic Reasoning, arXiv 2506.04301, is to run on it",
    adapts="how many calls of a model and of tools a question gets, decided as results come in",
    gaps=(
        Gap(
            mixture=("cot", "direct", "react", "react_nocache", "self_consistency"),
            methods=("lats", "random_tree"),
            oracle="any_right",
            coin="random_tree",
        ),
        Gap(
            mixture=("cot", "direct", "react", "react_nocache", "self_consistency"),
            methods=("reflexion", "random_retries"),
            oracle="any_right",
            coin="random_retries",
        ),
    ),
    knobs=(
        Knob("model", ("builtin",), "builtin", open=True),
        Knob("device", ("auto",), "auto", open=True),
        Knob("dtype", ("auto",), "auto", open=True),
        Knob("policy", ("agent-s",), "agent-s", open=True),
        Knob("requests", (150,), 150, open=True, low=1),
        Knob("kinds", ("kb,mix,arith",), "kb,mix,arith", open=True),
        Knob("ambiguity", (0.35,), 0.35, open=True, low=0.0, high=1.0),
        Knob("faults", ("usual",), "usual", also=("none",)),
    ),
    cases="nested",
    metrics=(
        Metric("accuracy", "", "higher", "quality", primary=True),
        Metric("declared", "", "higher", "info"),
        Metric("malformed", "", "lower", "quality"),
        Metric("solved", "requests", "higher", "info"),
        Metric("words", "tokens", "lower", "work", primary=True),
        Metric("llm_calls judge_calls reflect_calls control_calls", "calls", "lower", "cost"),
        Metric("data_calls tool_calls failed_calls", "calls", "lower", "cost"),
        Metric("context_words prefilled generated", "tokens", "lower", "cost"),
        Metric("cached", "tokens", "higher", "info"),
        Metric("discarded", "tokens", "lower", "cost"),
        Metric("flops_counted", "FLOP", "lower", "cost"),
        Metric("kv_peak", "tokens", "lower", "cost"),
        Metric("kv_peak_bytes", "B", "lower", "cost"),
        Metric("request_s queue_s busy_s prefill_s decode_s tool_s p50_s", "s", "lower", "cost"),
        Metric("p95_s p99_s", "s", "lower", "cost"),
        Metric("overlap_s", "s", "higher", "info"),
        Metric("p95_over_p50", "", "lower", "info", clocked=True, low=0.0),
        Metric("idle_share tool_share", "", "lower", "info", clocked=True),
        Metric("overlap_share", "", "higher", "info", clocked=True),
        Metric("offered_qps", "1/s", "higher", "info"),
        Metric("achieved_qps", "1/s", "higher", "info", clocked=True),
        Metric("gain_per_s", "1/s", "higher", "info"),
        Metric("answers_digest", "hash", "higher", "info"),
    ),
)  # fmt: skip
CHECK_CONDITIONS = {"requests": 4}
OFF_LIMITS = frozenset((
    "meter", "enter", "environment", "credit", "graders", "judge", "scenes", "group", "World", "Scene",
    "ToolServer", "FaultPlan", "aside", "draw_faults", "policy", "account", "AgentServer", "CachedBranches",
))  # fmt: skip
"""Names of worlds, faults, graders and groups, which no method knows but an oracle."""
RULES = Rules("adabench.workloads.agents.agents", off_limits=OFF_LIMITS, who="method")
check = partial(source_problems, RULES)
__all__ = [
    "CARD", "CHECK_CONDITIONS", "OUTCOMES", "check", "check_conditions", "load", "missing_abilities",
]  # fmt: skip
ASKED: Mapping[Family, tuple[int, ...]] = {"kb": (2, 3, 4), "mix": (3, 4, 5), "arith": (2, 3, 4)}
"""By family: the sizes of its questions, in turn."""
_EVALUATION = 0xA6E7
"""Worlds of this task are keyed apart from those of trainings, gates and other tasks."""


def load(
    scale: str,
    seed: int,
    *,
    model: str = "builtin",
    device: str = AUTO,
    dtype: str = AUTO,
    policy: str = "agent-s",
    requests: int = 150,
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
    asked, named = read_kinds(kinds), NamedModel.read(model, device, dtype)
    rules = WorldRules(ambiguity=ambiguity)
    rates = NO_FAULTS if faults == "none" else USUAL_FAULTS
    drawn = [_drawn(seed, requests, family, sizes, rules) for family, sizes in asked.values()]
    prompts, name = _prompts(drawn, named), policy_name(policy, seed)
    return GradedStreams(
        seed,
        named.opener(partial(small_policy, name), named_model),
        named.is_on_device,
        partial(small_planner, name) if named.is_builtin else None,
        streams=tuple(
            Stream(index, asked_in, name, draw_gaps(mix(_EVALUATION, seed, index), requests))
            for index, (name, asked_in) in enumerate(zip(asked, prompts, strict=True))
        ),
        scenes=tuple(
            tuple(Scene(one.world, draw_faults(mix(one.world.seed, 1), rates)) for one in problems)
            for problems in drawn
        ),
        graders=tuple(
            Answers(problems) if named.is_builtin else TextAnswers(problems, named.spec)
            for problems in drawn
        ),
    )


def check_conditions(conditions: Mapping[str, Scalar]) -> None:
    """Refuse, before a run begins and before any weight is read, a model that cannot be asked.

    Raises:
        SelectionError: if it names nothing, or what cannot run here.
        EnvironmentProblem: if a package, a device, a network or a server is missing.
    """
    given = {**CARD.defaults, **conditions}
    read_kinds(str(given["kinds"]))
    NamedModel.read(*(str(given[name]) for name in ("model", "device", "dtype"))).check()


def missing_abilities(conditions: Mapping[str, Scalar]) -> dict[str, tuple[str, str]]:
    """Return by ability why no method gets it under these conditions, and what would give it.

    Raises:
        SelectionError: if there is no such policy or model.
        EnvironmentProblem: if a server is missing, refuses, or completes nothing.
    """
    given = {**CARD.defaults, **conditions}
    spec = NamedModel.read(str(given["model"]), AUTO, AUTO).spec
    if spec.kind == "builtin":
        found = absences(str(given["policy"]))
        return {name: why for name, why in found.items() if name in ("values", "plans")}
    from adabench.workloads.shared.sources.model_source import missing_abilities as lacking

    ours = "Leave out --model: the small policies of the family have it."
    lacks = {name: (f"{spec}: {how}.", ours) for name, how in lacking(spec).items()}
    return {
        **lacks,
        "values": (f"{spec} has no head that values an agent's states.", ours),
        "plans": (f"{spec} has no planner beside it whose plans were gated.", ours),
        "table": (f"The tools of {spec} search an index, and read no table through.", ours),
    }


def _prompts(
    drawn: Sequence[tuple[Problem, ...]], named: NamedModel
) -> list[tuple[tuple[int, ...], ...]]:
    """Return the prompts of each stream, in the words of the model."""
    if named.is_builtin:
        return [tuple(one.prompt for one in problems) for problems in drawn]
    script = TextScript(open_codec(named.spec))
    prompts = [tuple(script.first_words(question_text(one)) for one in part) for part in drawn]
    needed = max(len(words) for part in prompts for words in part) + LONGEST + SPARE
    named.refuse_longer(needed, "An episode")
    return prompts


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
