"""Workflows: which graph of operators answers a request, fixed beforehand or chosen, pruned and edited for it.

    arith   <bos> Q 7 H1 + H1 4 HZ _ >                    sums modulo 10: one kind of work
    kb      <bos> Q A7 B12 H1 r5 H2 r2 HZ Y3 >            2 to 4 facts that are behind tools alone: it differs in length
    mix     <bos> Q A7 B12 H1 r5 H2 n1 H3 + H3 3 HZ _ >   a fact, and sums on it
    all     all of these, drawn one after the other

A case is a stream of requests of one name, and a method answers all of them by graphs that it builds, chooses or changes
(`agents/substrate/workflow.py`): operators are episodes, critics, votes and hand-overs, and edges carry words, which
are read. The team is that of `teams`: three policies, counted words in place of seconds.

    def solve(task, stream, point):
        return task.serve(stream, lambda desk: answer_by(desk, in_rounds(complete(range(6)), 2)))

**Desks.** With `desks` 6 what can be looked up is dealt to six desks; each says `down` for what it does not hold, and hands its
transcript on (`agents/substrate/shards.py`). No desk alone answers more than a few questions of facts, so graphs decide.

**Why it is not easy.** Sums need nobody, facts two to four desks, and which ones is in the prompt. A graph that always runs
all of them pays each edge with a transcript.

**Faults.** `faults=usual`: calls fail as those of `lookup` do; `both`: each stream comes a second time so, under the name `kb-faults`.

**What is scored and counted.** As in `teams`: `accuracy`, and `utility`, which is accuracy less `word_price` for each word;
`words`, read and written; `training_words`, spent before and borne by a request of the stream; of realised graphs `nodes`, `edges`,
`depth`, `width`, `messages` and their `message_words`, `distinct_graphs`, `edit_distance` (of two requests on average).
"""

from collections.abc import Mapping
from functools import partial

from adabench.harness.contract.card import Card, Gap, Knob, Metric, Scalar
from adabench.harness.errors import SelectionError
from adabench.workloads.agents.substrate.agent_task import Scene
from adabench.workloads.agents.substrate.fault_plans import NO_FAULTS, USUAL_FAULTS, draw_faults
from adabench.workloads.agents.substrate.policies import absences, policy_name
from adabench.workloads.agents.substrate.serving.desk import Stream
from adabench.workloads.agents.substrate.serving.team import team
from adabench.workloads.agents.substrate.team_streams import OUTCOMES, TeamStreams
from adabench.workloads.agents.substrate.worlds import WorldRules
from adabench.workloads.agents.truth.problems import Answers, Problem
from adabench.workloads.agents.truth.requests import Kinds, draw_request, read_kinds
from adabench.workloads.shared.counting.conformance_kit import source_problems
from adabench.workloads.shared.counting.source_rules import Rules
from adabench.workloads.shared.language_model.contract import mix

CARD = Card(
    title="Workflows: which graph of operators answers a request",
    paper="our own substrate; AGP, arXiv 2506.02951, and the survey on workflows, arXiv 2603.22386, run on it",
    adapts="which operators answer a request, and who reads whom",
    gaps=(
        Gap(
            mixture=("complete_graph", "chain_graph", "star_graph", "debate", "single_desk", "pruned_graph"),
            methods=("agp", "random_pruning"),
            oracle="holders",
            coin="random_pruning",
        ),
        Gap(
            mixture=("hand_template", "searched_template", "single_solve", "three_votes"),
            methods=("random_graph", "selected_graph"),
            oracle="best_graph",
            coin="random_graph",
        ),
        Gap(
            mixture=("hand_template", "searched_template", "single_solve", "three_votes"),
            methods=("edited_graph", "random_edits"),
            oracle="best_graph",
            coin="random_edits",
        ),
    ),
    knobs=(
        Knob("policy", ("agent-s",), "agent-s", open=True),
        Knob("requests", (50,), 50, open=True, low=1),
        Knob("kinds", ("arith,kb,all",), "arith,kb,all", open=True),
        Knob("ambiguity", (0.35,), 0.35, open=True, low=0.0, high=1.0),
        Knob("faults", ("both",), "both", also=("none", "usual")),
        Knob("desks", (1,), 1, open=True, low=1),
        Knob("word_price", (0.0001,), 0.0001, open=True, low=0.0),
    ),
    cases="nested",
    seeds=5,
    given=("agent-s-s*", "agent-apo-*", "agent-flat-*"),
    metrics=(
        Metric("accuracy", "", "higher", "quality", primary=True),
        Metric("utility", "", "higher", "quality", low=-10.0),
        Metric("declared", "", "higher", "info"),
        Metric("malformed cut", "", "lower", "quality"),
        Metric("solved", "requests", "higher", "info"),
        Metric("accuracy_first accuracy_second accuracy_third accuracy_last", "", "higher", "quality"),
        Metric("words", "tokens", "lower", "work", primary=True),
        Metric("training_words", "tokens", "lower", "cost"),
        Metric("wait wait_p50 wait_p95 span", "words", "lower", "cost"),
        Metric("llm_calls judge_calls reflect_calls control_calls", "calls", "lower", "cost"),
        Metric("data_calls tool_calls failed_calls", "calls", "lower", "cost"),
        Metric("context_words prefilled generated", "tokens", "lower", "cost"),
        Metric("cached", "tokens", "higher", "info"),
        Metric("discarded", "tokens", "lower", "cost"),
        Metric("flops_counted", "FLOP", "lower", "cost"),
        Metric("kv_peak", "tokens", "lower", "cost"),
        Metric("kv_peak_bytes", "B", "lower", "cost"),
        Metric("nodes edges depth width", "parts", "lower", "info"),
        Metric("messages", "messages", "lower", "cost"),
        Metric("message_words", "words", "lower", "cost"),
        Metric("distinct_graphs", "graphs", "higher", "info"),
        Metric("edit_distance", "edits", "higher", "info"),
        Metric("judged judge_precision judge_recall", "", "higher", "info"),
        Metric("answers_digest instance", "hash", "higher", "info"),
    ),
)  # fmt: skip
CHECK_CONDITIONS = {"requests": 2, "faults": "usual"}
OFF_LIMITS = frozenset((
    "meter", "enter", "environment", "credit", "graders", "judge", "scenes", "group", "World", "Scene",
    "ToolServer", "FaultPlan", "SharedTools", "DeskTools", "holder", "SUBJECTS", "aside", "draw_faults",
    "policy_name", "account", "AgentServer", "CachedBranches", "TeamBranches",
))  # fmt: skip
"""Names of worlds, faults, graders, groups and of who holds what, which no method knows but an oracle."""
RULES = Rules("adabench.workloads.agents.workflows", off_limits=OFF_LIMITS, who="method")
check = partial(source_problems, RULES)
__all__ = ["CARD", "CHECK_CONDITIONS", "OUTCOMES", "check", "load", "missing_abilities"]
_EVALUATION = 0x3F10
"""Worlds of this task are keyed apart from those of trainings, gates and other tasks."""
FAULTS = {"none": ("",), "usual": ("-faults",), "both": ("", "-faults")}


def load(
    scale: str,
    seed: int,
    *,
    policy: str = "agent-s",
    requests: int = 50,
    kinds: str = "arith,kb,all",
    ambiguity: float = 0.35,
    faults: str = "both",
    desks: int = 1,
    word_price: float = 0.0001,
) -> TeamStreams:
    """Return the task under the given conditions.

    Raises:
        SelectionError: for a scale, a policy or a kind of question that it does not have.
    """
    if scale not in CARD.scales:
        raise SelectionError(f"workflows has no scale {scale!r}.", "It runs at `embedded`.")
    rules = WorldRules(ambiguity=ambiguity)
    drawn = {
        f"{name}{mark}": _drawn(seed, requests, name, among, rules)
        for mark in FAULTS[faults]
        for name, among in read_kinds(kinds).items()
    }
    rates = {name: USUAL_FAULTS if name.endswith("-faults") else NO_FAULTS for name in drawn}
    return TeamStreams(
        seed,
        partial(team, policy_name(policy, seed), desks),
        streams=tuple(
            Stream(index, tuple(one.prompt for one in problems), name, ())
            for index, (name, problems) in enumerate(drawn.items())
        ),
        scenes=tuple(
            tuple(
                Scene(one.world, draw_faults(mix(one.world.seed, 1), rates[name]))
                for one in problems
            )
            for name, problems in drawn.items()
        ),
        graders=tuple(map(Answers, drawn.values())),
        word_price=word_price,
    )


def missing_abilities(conditions: Mapping[str, Scalar]) -> dict[str, tuple[str, str]]:
    """Return by ability why no method gets it under these conditions, and what would give it.

    Raises:
        SelectionError: if there is no such policy.
    """
    found = absences(str({**CARD.defaults, **conditions}["policy"]))
    return {name: why for name, why in found.items() if name == "modes"}


def _drawn(
    seed: int, count: int, name: str, among: Kinds, rules: WorldRules
) -> tuple[Problem, ...]:
    """Draw the questions of a stream; with and without faults they are the same."""
    keys = (mix(_EVALUATION, seed, *name.encode(), place) for place in range(count))
    return tuple(draw_request(key, among, rules) for key in keys)
