"""Tools: what comes next when a tool fails, by a path, by a rule, or by a model in every step.

    support      order -> refund {stripe, razorpay} -> notice {email, sms}                         linear
    travel       journey -> room -> ride -> ticket, a backup for each                              dag
    moderation   reading {image, text, history} -> verdict {toxicity, spam} -> entry {queue, hold} fanout

A case is a request and a graph of tools. Calls really change a world (SQLite, a row for each effect); readers of posts are
small models that really read. Faults sit below the tools: all that anybody sees of them is a call or a probe that
fails, and a tool that is late blocks until its deadline. A small model may be asked which tool comes next; it reads
every call so far.

    def solve(task, case, point):
        with task.session(case) as session:
            result = session.call("lookup")
            step = session.choose()
            session.finish()
        return session.report

**What is scored.** The world at the end, by an audit that no method sees (`truth/state_audit.py`). `correct`: complete where a plan
leads to the goal (brute force over the faults), a hand-off that names what is missing where none does. `silent`: said to
be done and is not, or wrong data that nobody mentions. `duplicated`, `wrong_branch`, `misstated`: the other ways to
fail. `missed`: could be completed and was not; `none_missed` is 0. `instance` says which scenario a case is a copy of:
a scenario counts once, however many copies and seeds were run. `label_right`: of a complete moderation, whether
the entry says of the post what it is.

**What is counted.** `contacts`: calls of the model and of tools, probes and looks. `control_calls` of the model choose
what comes next or hand off; `data_calls` say that all is done; `malformed_calls` cannot be read. `recovery_s`: from
calls that failed to the next contact; `detection_s`: what failed calls took, deadlines included.

**Conditions.** `set`: the paper's scenarios, those of its code, every subset of tools that may be down, or faults that are no
outage (`truth/scenarios.py`); or tasks of tau2 (`retail`, `airline`, `telecom`) out of the package `inspect-evals`, with
up to two of their tools down, in a world of the package's records. `instances`: of each scenario. `fanout`: whether one reader of a post is enough, or each is
to be asked and two must have worked (`cover`). `outages=known`: sessions name what is down, as in the paper. `graph`: a file
with a graph of your own. `chooser`: which small model.

    adabench run 'tools/*' --model hf:Qwen/Qwen2.5-1.5B-Instruct --set instances=1
    adabench run tools/react tools/plan_once --model openai:http://127.0.0.1:8000/v1#name

**Models** (`model`): `builtin`, the small one of this task; or `smollm2`, `hf:NAME`, `hf:FOLDER`, `openai:URL#NAME`. Such a
model reads stages, tools, costs and results in English and answers in one line, which is read strictly
(`substrate/text_script.py`). Words are counted as its tokenizer or its server counts them.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from adabench.harness.contract.card import Card, Knob, Metric, Scalar
from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.agents.substrate.named_models import AUTO, NamedModel
from adabench.workloads.agents.tools import conformance
from adabench.workloads.agents.tools.substrate.choosers import chooser as load_chooser
from adabench.workloads.agents.tools.substrate.choosers import chooser_name, named_chooser
from adabench.workloads.agents.tools.substrate.graph_catalogue import read_graph
from adabench.workloads.agents.tools.substrate.routing_task import GradedRoutingTask, Place
from adabench.workloads.agents.tools.substrate.text_script import SPARE, TextScript
from adabench.workloads.agents.tools.substrate.tool_graph import RoutingCase
from adabench.workloads.agents.tools.truth.scenarios import SETS, draw_case, scenarios
from adabench.workloads.agents.tools.truth.service_domains import DOMAINS, domain_folder
from adabench.workloads.agents.tools.truth.state_audit import StateAuditor
from adabench.workloads.shared.sources.codec_source import open_codec

CARD = Card(
    title="Tools: what comes next when a tool fails",
    paper="our own substrate; Self-Healing Router, arXiv 2603.01548, is to run on it",
    adapts="which tool is called next, and when a model is asked",
    knobs=(
        Knob(
            "set", ("paper", "repo", "subsets", "partial"), "paper",
            also=("retail", "airline", "telecom"),
        ),
        Knob("instances", (5,), 5, open=True, low=1),
        Knob("fanout", ("path",), "path", also=("cover",)),
        Knob("outages", ("unknown",), "unknown", also=("known",)),
        Knob("graph", ("builtin",), "builtin", open=True),
        Knob("chooser", ("chooser",), "chooser", open=True),
        Knob("model", ("builtin",), "builtin", open=True),
        Knob("device", ("auto",), "auto", open=True),
        Knob("dtype", ("auto",), "auto", open=True),
    ),
    cases="fixed",
    given=("chooser*",),
    metrics=(
        Metric("correct", "", "higher", "quality", primary=True),
        Metric("completed sound no_silent", "", "higher", "quality"),
        Metric("silent missed", "", "lower", "quality"),
        Metric("none_missed", "", "lower", "info"),
        Metric("duplicated wrong_branch misstated", "", "lower", "quality"),
        Metric("declared feasible", "", "higher", "info"),
        Metric("instance", "hash", "higher", "info"),
        Metric("label_right", "", "higher", "info"),
        Metric("contacts", "calls", "lower", "work", primary=True),
        Metric("llm_calls control_calls data_calls tool_calls", "calls", "lower", "cost"),
        Metric("probe_calls check_calls failed_calls malformed_calls", "calls", "lower", "cost"),
        Metric("sessions", "", "lower", "info"),
        Metric("generated prefilled", "tokens", "lower", "cost"),
        Metric("cached", "tokens", "higher", "info"),
        Metric("discarded", "tokens", "lower", "cost"),
        Metric("flops_counted", "FLOP", "lower", "cost"),
        Metric("recovery_s detection_s", "s", "lower", "cost"),
    ),
    no_speedup="a case is a handful of calls, and what failed ones block is a deadline that we set",
)  # fmt: skip
CHECK_CONDITIONS = {"instances": 1}
QUORUM = 2
"""Readers that must have worked where all are to be asked."""
check = conformance.check
__all__ = ["CARD", "CHECK_CONDITIONS", "check", "check_conditions", "load", "missing_abilities"]


def load(
    scale: str,
    seed: int,
    *,
    set: str = "paper",
    instances: int = 5,
    fanout: str = "path",
    outages: str = "unknown",
    graph: str = "builtin",
    chooser: str = "chooser",
    model: str = "builtin",
    device: str = AUTO,
    dtype: str = AUTO,
) -> GradedRoutingTask:
    """Return the task under the given conditions.

    Raises:
        SelectionError: for a scale, a set, a chooser, a model or a graph that there is not.
    """
    if scale not in CARD.scales:
        raise SelectionError(f"tools has no scale {scale!r}.", "It runs at `embedded`.")
    if set not in SETS:
        raise SelectionError(f"There is no set {set!r}.", nearest(set, SETS))
    _refuse_two_graphs(set, graph)
    named = NamedModel.read(model, device, dtype)
    own = None if graph == "builtin" else read_graph(Path(graph))
    drawn, numbers = [], []
    for index, (one, scenario) in enumerate(scenarios(set, instances, own)):
        goal = one.with_cover(QUORUM) if fanout == "cover" else one
        drawn.append(draw_case(seed, index, goal, scenario))
        numbers.append(scenario.number)
    cases = tuple(case for case, _ in drawn)
    if not named.is_builtin:
        _refuse_short_context(named, cases)
    return GradedRoutingTask(
        named.opener(partial(load_chooser, chooser_name(chooser, seed)), named_chooser),
        outages == "known",
        place=_place(named),
        cases_=cases,
        scenes=tuple(scene for _, scene in drawn),
        auditor=StateAuditor(tuple(drawn), tuple(numbers)),
    )


def check_conditions(conditions: Mapping[str, Scalar]) -> None:
    """Refuse, before a run begins and before any weight is read, a model that cannot be asked, or data that are not here.

    Raises:
        SelectionError: if it names nothing, or what cannot run here.
        EnvironmentProblem: if a package, a device, a network or a server is missing.
    """
    given = {**CARD.defaults, **conditions}
    _refuse_two_graphs(str(given["set"]), str(given["graph"]))
    if given["set"] in DOMAINS:
        domain_folder(str(given["set"]))
    NamedModel.read(*(str(given[name]) for name in ("model", "device", "dtype"))).check()


def missing_abilities(conditions: Mapping[str, Scalar]) -> dict[str, tuple[str, str]]:
    """Probe a server, once a run; no method needs more of a model than that it writes.

    Raises:
        SelectionError: if there is no such model.
        EnvironmentProblem: if a server is missing, refuses, or completes nothing.
    """
    spec = NamedModel.read(str({**CARD.defaults, **conditions}["model"]), AUTO, AUTO).spec
    if spec.kind == "openai":
        from adabench.workloads.shared.sources.model_source import missing_abilities as probe

        probe(spec)
    return {}


def _refuse_two_graphs(name: str, graph: str) -> None:
    """Refuse a graph of a user's own beside a set that has graphs of its own.

    Raises:
        SelectionError: naming the set.
    """
    if name in DOMAINS and graph != "builtin":
        raise SelectionError(f"set={name} has graphs of its own.", "Leave out graph, or set.")


def _place(named: NamedModel) -> Place:
    if named.spec.kind == "openai":
        return "server"
    return "device" if not named.is_builtin and named.is_on_device else "host"


def _refuse_short_context(named: NamedModel, cases: Sequence[RoutingCase]) -> None:
    """Make sure that every request, and some calls behind it, can be read.

    Raises:
        SelectionError: if a model's context is too short for one.
    """
    if named.context is None:
        return
    script = TextScript(open_codec(named.spec))
    graphs = {case.graph: case for case in cases}
    needed = SPARE + max(len(script.prompt(case)) for case in graphs.values())
    named.refuse_longer(needed, "A request")
