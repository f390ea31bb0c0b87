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
fail. `missed`: could be completed and was not; `none_missed` is 0. `label_right`: of a complete moderation, whether
the entry says of the post what it is.

**What is counted.** `contacts`: calls of the model and of tools, probes and looks. `control_calls` of the model choose
what comes next or hand off; `data_calls` say that all is done. `recovery_s`: from calls that failed to the next
contact; `detection_s`: what failed calls took, deadlines included.

**Conditions.** `set`: the paper's scenarios, those of its code, every subset of tools that may be down, or faults that are no
outage (`truth/scenarios.py`). `instances`: of each scenario. `fanout`: whether one reader of a post is enough, or each is
to be asked and two must have worked (`cover`). `outages=known`: sessions name what is down, as in the paper. `graph`: a file
with a graph of your own. `chooser`: which model.
"""

from functools import partial
from pathlib import Path

from adabench.harness.contract.card import Card, Knob, Metric
from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.agents.tools import conformance
from adabench.workloads.agents.tools.substrate.choosers import chooser as load_chooser
from adabench.workloads.agents.tools.substrate.choosers import chooser_name
from adabench.workloads.agents.tools.substrate.graph_catalogue import read_graph
from adabench.workloads.agents.tools.substrate.routing_task import GradedRoutingTask
from adabench.workloads.agents.tools.truth.scenarios import SETS, draw_case, scenarios
from adabench.workloads.agents.tools.truth.state_audit import StateAuditor

CARD = Card(
    title="Tools: what comes next when a tool fails",
    paper="our own substrate; Self-Healing Router, arXiv 2603.01548, is to run on it",
    adapts="which tool is called next, and when a model is asked",
    knobs=(
        Knob("set", ("paper", "repo", "subsets", "partial"), "paper"),
        Knob("instances", (5,), 5, open=True, low=1),
        Knob("fanout", ("path",), "path", also=("cover",)),
        Knob("outages", ("unknown",), "unknown", also=("known",)),
        Knob("graph", ("builtin",), "builtin", open=True),
        Knob("chooser", ("chooser",), "chooser", open=True),
    ),
    metrics=(
        Metric("correct", "", "higher", "quality", primary=True),
        Metric("completed", "", "higher", "quality"),
        Metric("sound", "", "higher", "quality"),
        Metric("no_silent", "", "higher", "quality"),
        Metric("silent", "", "lower", "quality"),
        Metric("missed", "", "lower", "quality"),
        Metric("none_missed", "", "lower", "info"),
        Metric("duplicated", "", "lower", "quality"),
        Metric("wrong_branch", "", "lower", "quality"),
        Metric("misstated", "", "lower", "quality"),
        Metric("declared", "", "higher", "info"),
        Metric("feasible", "", "higher", "info"),
        Metric("label_right", "", "higher", "info"),
        Metric("contacts", "calls", "lower", "work", primary=True),
        Metric("llm_calls", "calls", "lower", "cost"),
        Metric("control_calls", "calls", "lower", "cost"),
        Metric("data_calls", "calls", "lower", "cost"),
        Metric("tool_calls", "calls", "lower", "cost"),
        Metric("probe_calls", "calls", "lower", "cost"),
        Metric("check_calls", "calls", "lower", "cost"),
        Metric("failed_calls", "calls", "lower", "cost"),
        Metric("sessions", "", "lower", "info"),
        Metric("generated", "tokens", "lower", "cost"),
        Metric("prefilled", "tokens", "lower", "cost"),
        Metric("flops_counted", "FLOP", "lower", "cost"),
        Metric("recovery_s", "s", "lower", "cost"),
        Metric("detection_s", "s", "lower", "cost"),
    ),
    no_speedup="a case is a handful of calls, and what failed ones block is a deadline that we set",
)  # fmt: skip
CHECK_CONDITIONS = {"instances": 1}
QUORUM = 2
"""Readers that must have worked where all are to be asked."""
check = conformance.check
__all__ = ["CARD", "CHECK_CONDITIONS", "check", "load"]


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
) -> GradedRoutingTask:
    """Return the task under the given conditions.

    Raises:
        SelectionError: for a scale, a set, a chooser or a graph that there is not.
    """
    if scale not in CARD.scales:
        raise SelectionError(f"tools has no scale {scale!r}.", "It runs at `embedded`.")
    if set not in SETS:
        raise SelectionError(f"There is no set {set!r}.", nearest(set, SETS))
    own = None if graph == "builtin" else read_graph(Path(graph))
    name = chooser_name(chooser, seed)
    drawn = []
    for index, (one, scenario) in enumerate(scenarios(set, instances, own)):
        goal = one.with_cover(QUORUM) if fanout == "cover" else one
        drawn.append(draw_case(seed, index, goal, scenario))
    return GradedRoutingTask(
        partial(load_chooser, name),
        outages == "known",
        cases_=tuple(case for case, _ in drawn),
        scenes=tuple(scene for _, scene in drawn),
        auditor=StateAuditor(tuple(drawn)),
    )
