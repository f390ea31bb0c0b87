"""Teams: a stream of requests, answered by paths through a graph of modes, policies and checks.

    all     kb, mix and arith of eight kinds, drawn one after the other
    kb      <bos> Q A7 B12 H1 r5 H2 r2 HZ Y3 >            facts that are behind tools alone
    mix     <bos> Q A7 B12 H1 r5 H2 n1 H3 + H3 3 HZ _ >   a fact, and sums on it
    arith   <bos> Q 7 H1 + H1 4 HZ _ >                    sums modulo 10

A case is a stream, and a method answers all of its requests: who learns while it serves learns within a case. Three
policies stand on a machine each: `s` (it has no name on the server), `apo` and `flat`, which went on from it by reward. An
agent runs a workflow (`agents/substrate/workflow.py`): operators, and edges that carry words.

    def solve(task, stream, point):
        return task.serve(stream, answering(repeat(Path("chk", "s", "none"))))

**Why it is not easy.** Sums want a chain and facts want tools: no mode is best for all. What a request is for is in its
prompt, and nobody says it.

**Time is counted work.** Nothing sleeps and no clock is read: each turn of the server lasts as long as its busiest
machine has words to read and write, and machines wait for each other behind it. Each of `clients` has a request under
way, and the next one when it is answered (a closed loop). A client waits for `deadline` words of the clock, then
goes without an answer; 0 is for ever.

**Shards.** With `desks` 6 relations and attributes are dealt to six desks; each answers for its own and says `down` for
the rest (`agents/substrate/shards.py`). Another desk goes on from the transcript, which it reads from the first word on.

**A change.** `change=outage`: from the middle of a stream on no tool of policy `s` works. `change=shift`: sums up to the
middle, facts behind it.

**What is scored.** `accuracy`: answers that are right, over the requests; one that was cut is not. `utility`: accuracy less
`word_price` for each word of a request. `accuracy_first` to `accuracy_last`: by quarters of the stream.

**What is counted**, a request on average: `words`, read and written, those of judges among them; `training_words`: what was
spent before on labelled requests, over those of the stream. `wait` to `wait_p95`: words of the clock from arrival to answer; `span`: the
whole stream's over its requests. Of realised graphs: `nodes`, `edges`, `depth`, `width`, `messages` and their
`message_words`, `distinct_graphs`, `edit_distance` (of two requests on average). `judged`: answers that a critic was
asked about last; `judge_precision` of its passes, `judge_recall` of right answers.
"""

from collections.abc import Mapping, Sequence
from functools import partial

from adabench.harness.contract.card import Card, Gap, Knob, Metric, Scalar
from adabench.harness.errors import SelectionError
from adabench.workloads.agents.substrate.agent_task import Scene
from adabench.workloads.agents.substrate.fault_plans import NO_FAULTS, USUAL_FAULTS, draw_faults
from adabench.workloads.agents.substrate.policies import absences, policy_name
from adabench.workloads.agents.substrate.serving.agent_server import Load
from adabench.workloads.agents.substrate.serving.desk import Stream
from adabench.workloads.agents.substrate.serving.team import team
from adabench.workloads.agents.substrate.team_streams import OUTCOMES, TeamStreams
from adabench.workloads.agents.substrate.worlds import WorldRules
from adabench.workloads.agents.truth.problems import Answers, Family, Problem
from adabench.workloads.agents.truth.requests import Kinds, draw_request, read_kinds
from adabench.workloads.shared.counting.conformance_kit import source_problems
from adabench.workloads.shared.counting.source_rules import Rules
from adabench.workloads.shared.language_model.contract import mix

CARD = Card(
    title="Teams: which path of modes, policies and checks a request takes",
    paper="our own substrate; AMRO-S, arXiv 2603.12933, runs on it",
    adapts="which operators answer a request, and what they hand to each other",
    gaps=(
        Gap(
            mixture=("fixed_path", "round_robin", "strongest"),
            methods=("amro_s", "kind_table", "linucb", "no_gate", "one_matrix", "random_path"),
            oracle="best_path",
            coin="random_path",
        ),
    ),
    knobs=(
        Knob("policy", ("agent-s",), "agent-s", open=True),
        Knob("requests", (150,), 150, open=True, low=1),
        Knob("kinds", ("all",), "all", open=True),
        Knob("ambiguity", (0.35,), 0.35, open=True, low=0.0, high=1.0),
        Knob("faults", ("usual",), "usual", also=("none",)),
        Knob("desks", (1,), 1, open=True, low=1),
        Knob("change", ("none",), "none", also=("outage", "shift")),
        Knob("clients", (1,), 1, open=True, low=1, high=64),
        Knob("deadline", (0,), 0, open=True, low=0),
        Knob("word_price", (0.001,), 0.001, open=True, low=0.0),
    ),
    cases="nested",
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
CHECK_CONDITIONS = {"requests": 6}
OFF_LIMITS = frozenset((
    "meter", "enter", "environment", "credit", "graders", "judge", "scenes", "group", "World", "Scene",
    "ToolServer", "FaultPlan", "SharedTools", "DeskTools", "aside", "draw_faults", "policy_name", "account",
    "AgentServer", "CachedBranches", "TeamBranches",
))  # fmt: skip
"""Names of worlds, faults, graders and groups, which no method knows but an oracle."""
RULES = Rules("adabench.workloads.agents.teams", off_limits=OFF_LIMITS, who="method")
check = partial(source_problems, RULES)
__all__ = ["CARD", "CHECK_CONDITIONS", "OUTCOMES", "check", "load", "missing_abilities"]
_EVALUATION = 0x7EA5
"""Worlds of this task are keyed apart from those of trainings, gates and other tasks."""


def load(
    scale: str,
    seed: int,
    *,
    policy: str = "agent-s",
    requests: int = 150,
    kinds: str = "all",
    ambiguity: float = 0.35,
    faults: str = "usual",
    desks: int = 1,
    change: str = "none",
    clients: int = 1,
    deadline: int = 0,
    word_price: float = 0.001,
) -> TeamStreams:
    """Return the task under the given conditions.

    Raises:
        SelectionError: for a scale, a policy or a kind of question that it does not have.
    """
    if scale not in CARD.scales:
        raise SelectionError(f"teams has no scale {scale!r}.", "It runs at `embedded`.")
    asked, rules = read_kinds(kinds), WorldRules(ambiguity=ambiguity)
    rates = NO_FAULTS if faults == "none" else USUAL_FAULTS
    drawn = [_drawn(seed, requests, among, rules, change) for among in asked.values()]
    return TeamStreams(
        seed,
        partial(team, policy_name(policy, seed), desks),
        usual_load=Load(concurrency=clients, deadline=deadline),
        streams=tuple(
            Stream(index, tuple(one.prompt for one in problems), name, ())
            for index, (name, problems) in enumerate(zip(asked, drawn, strict=True))
        ),
        scenes=tuple(
            tuple(
                Scene(
                    one.world,
                    draw_faults(mix(one.world.seed, 1), rates),
                    _broken(change, 2 * place >= requests),
                )
                for place, one in enumerate(problems)
            )
            for problems in drawn
        ),
        graders=tuple(map(Answers, drawn)),
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
    seed: int, count: int, among: Kinds, rules: WorldRules, change: str
) -> tuple[Problem, ...]:
    """Draw the questions of a stream."""
    found = []
    for place in range(count):
        key = mix(_EVALUATION, seed, len(among), place)
        found.append(draw_request(key, _turn(among, change, 2 * place >= count), rules))
    return tuple(found)


def _turn(among: Kinds, change: str, is_late: bool) -> Sequence[tuple[Family, int]]:
    """Return which kinds may come: with a shift sums first and facts later, where a stream has both."""
    if change != "shift":
        return among
    own = [kind for kind in among if (kind[0] != "arith") == is_late]
    return own or among


def _broken(change: str, is_late: bool) -> frozenset[str]:
    return frozenset(("",)) if change == "outage" and is_late else frozenset()
