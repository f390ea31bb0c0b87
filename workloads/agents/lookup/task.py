"""Look-up: which questions need a tool, which a chain of thought, which neither.

    arith   <bos> Q 7 H1 + H1 4 H2 * H2 3 HZ _ >         sums modulo 10
    kb      <bos> Q A7 B12 H1 r5 H2 r2 HZ Y3 >           facts that are behind tools alone
    mix     <bos> Q A7 B12 H1 r5 H2 n1 H3 + H3 3 HZ _ >  a fact, and sums on it

A small policy really writes every word, and tools really answer: it may state the answer (`dir`), write a
chain of thought (`cot`), or call tools (`act`, `chk`). The mode is its first word, which a method may force.
Beside it stand two that went on from it by reward (`training/train_modes.py`): `apo`, to which modes are dear where a
cheaper one would have done, and `flat`, to which they are not. `adabench train` makes them.
Knowledge is drawn anew for each question, of entities that no training had, so that no policy knows it by
heart: its gates say so (`substrate/policy_recipes.py`).

    def solve(task, question, point):
        with task.session(question) as session:
            seq = session.begin("act")
            session.finish([seq])
            session.offer(seq.completion)
        return session.best

**Why it is not easy.** A relation may return two rows, of which the question's path takes one; nothing says
which. A wrong row comes to a dead end, or to a wrong answer, whose type fits in one case of four. And tools
fail: for once, late, or for the whole question. The faults sit below the tools; a call that fails is all that
anybody sees of them.

**What is scored.** `accuracy`: the answer that the returned completion states, word by word. It must be one
that policy and tools wrote for this question. `answered`: it states one, right or wrong. `declared`: it says
that it failed. `dir_share` to `chk_share`: the mode that it was written in. `size`: hops and operations of the
question, which no method is told.

**What is counted.** `bill`: words generated and read, and calls of tools at `tool_price` words each (twice that
for the dearer twins). `cost_of_pass` is the mean bill over the mean accuracy. `llm_calls`: one sequence in one decoding call;
of these `control_calls` choose what comes next, `data_calls` think or answer, `judge_calls` are the
critic's. `context_words`: what all of them would read without a cache.

**Conditions.** `kinds`: families of questions with their sizes, in turn. `ambiguity`, `delay`: how often two
rows come, and whether dead ends begin at once behind a wrong row (1) or one look-up later (2). `faults`: as
in training, or none. `budget` and `calls`: words that may be generated, and calls of tools that may be made,
for a question; 0 is no limit. `tool_price` stands before a run; sweep it.
"""

from collections.abc import Mapping, Sequence
from functools import partial

from adabench.harness.contract.card import Card, Gap, Gates, Knob, Metric, Scalar
from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.agents.substrate.agent_task import GradedAgentTask, Scene
from adabench.workloads.agents.substrate.fault_plans import NO_FAULTS, USUAL_FAULTS, draw_faults
from adabench.workloads.agents.substrate.policies import absences, policy_name
from adabench.workloads.agents.substrate.policies import policy as load_policy
from adabench.workloads.agents.substrate.policy_recipes import ADAPTIVE, FLAT, mode_name
from adabench.workloads.agents.substrate.worlds import WorldRules
from adabench.workloads.agents.truth.problems import SIZES, Answers, Family, Problem, draw_problem
from adabench.workloads.shared.counting.conformance_kit import source_problems
from adabench.workloads.shared.counting.source_rules import Rules
from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.language_model.domain import Question

CARD = Card(
    title="Look-up: answers at once, by a chain of thought, or with tools",
    paper="our own substrate; A2FM, arXiv 2510.12838, BAVT, arXiv 2603.12634, and PRISM, arXiv 2509.24377, run on it",
    adapts="in which mode a question is answered, and which tools are called how often",
    gaps=(
        Gap(
            mixture=("forced_mode",),
            methods=("a2fm", "random_mode"),
            oracle="best_mode",
            coin="random_mode",
            oracle_at={"weights": "apo"},
        ),
        # Other weights than those of the forced modes: nothing static of them to stand between.
        Gap(
            mixture=(),
            methods=("apo_without",),
            oracle="best_mode",
            oracle_at={"weights": "flat"},
        ),
        Gap(
            mixture=("act", "all_four", "cot", "direct"),
            methods=("prism",),
            oracle="likeliest_mode",
            coin="prism_coins",
        ),
        # Their choices are not at the shares of PRISM's coins.
        Gap(
            mixture=("act", "all_four", "cot", "direct"),
            methods=("adaptive_consistency", "cascade", "kind_table"),
            oracle="likeliest_mode",
        ),
        Gap(
            mixture=("parallel_judged", "parallel_vote"),
            methods=("bavt", "random_node"),
            oracle="any_right",
            coin="random_node",
        ),
    ),
    gates=(
        Gates(
            default="forced_mode",
            cases={"questions": 240},
            oracles=("best_mode", "likeliest_mode"),
            pool=("forced_mode",),
            without={"failures": "what a choice of modes repairs is what another mode answers, and room counts it"},
        ),
        Gates(
            default="parallel_vote",
            at={"kinds": "kb4", "delay": 2},
            cases={"questions": 240},
            oracles=("any_right",),
            without={
                "failures": "a search may repair every wrong row and every dead end, and no other failure is told apart",
                "strategies": "all questions are of one kind, and no difficulty is told apart",
            },
        ),
    ),
    knobs=(
        Knob("policy", ("agent-s",), "agent-s", open=True),
        Knob("questions", (40,), 40, open=True, low=1),
        Knob("kinds", ("arith1,arith2,arith4,kb2,kb3,kb4,mix3,mix4",),
             "arith1,arith2,arith4,kb2,kb3,kb4,mix3,mix4", open=True),
        Knob("ambiguity", (0.35,), 0.35, open=True, low=0.0, high=1.0),
        Knob("delay", (1,), 1, also=(2,)),
        Knob("faults", ("usual",), "usual", also=("none",)),
        Knob("budget", (0,), 0, open=True, low=0),
        Knob("calls", (0,), 0, open=True, low=0),
        Knob("tool_price", (20,), 20, open=True, low=0),
    ),
    cases="exchangeable",
    given=("agent-s-s*", "agent-value-*"),
    metrics=(
        Metric("accuracy", "", "higher", "quality", primary=True),
        Metric("answered declared", "", "higher", "info"),
        Metric("malformed", "", "lower", "quality"),
        Metric("size", "steps", "lower", "info"),
        Metric("dir_share cot_share act_share chk_share", "", "higher", "info"),
        Metric("bill", "words", "lower", "work", primary=True),
        Metric("cost_of_pass", "words", "lower", "cost", per=("bill", "accuracy")),
        Metric("tool_calls priced_calls failed_calls llm_calls", "calls", "lower", "cost"),
        Metric("control_calls data_calls judge_calls", "calls", "lower", "cost"),
        Metric("context_words generated prefilled injected_tool", "tokens", "lower", "cost"),
        Metric("injected_forced discarded", "tokens", "lower", "cost"),
        Metric("flops_counted", "FLOP", "lower", "cost"),
        Metric("serial_steps", "steps", "lower", "cost"),
        Metric("calls", "calls", "lower", "cost"),
        Metric("kv_peak", "tokens", "lower", "cost"),
        Metric("kv_peak_bytes", "B", "lower", "cost"),
        Metric("kv_token_steps", "tokens", "lower", "cost"),
        Metric("ttft_s itl_s tpot_s aux_s", "s", "lower", "cost"),
        Metric("spent", "", "lower", "info"),
    ),
    speedup_work="flops_counted",
)  # fmt: skip
CHECK_CONDITIONS = {"questions": 4}
OFF_LIMITS = frozenset((
    "meter", "enter", "environment", "credit", "grader", "judge", "scenes", "group", "World", "Scene",
    "ToolServer", "FaultPlan", "draw_faults", "policy", "inject", "aside",
))  # fmt: skip
"""Names of worlds, faults, graders and groups, which no method knows but an oracle."""
RULES = Rules("adabench.workloads.agents.lookup", off_limits=OFF_LIMITS, who="method")
check = partial(source_problems, RULES)
__all__ = ["CARD", "CHECK_CONDITIONS", "check", "load", "missing_abilities"]
_EVALUATION = 0xE7A1
"""Worlds of scored questions are keyed apart from those of trainings and gates."""


def load(
    scale: str,
    seed: int,
    *,
    policy: str = "agent-s",
    questions: int = 40,
    kinds: str = str(CARD.defaults["kinds"]),
    ambiguity: float = 0.35,
    delay: int = 1,
    faults: str = "usual",
    budget: int = 0,
    calls: int = 0,
    tool_price: int = 20,
) -> GradedAgentTask:
    """Return the task under the given conditions.

    Raises:
        SelectionError: for a scale, a policy or a kind of question that it does not have.
    """
    if scale not in CARD.scales:
        raise SelectionError(f"lookup has no scale {scale!r}.", "It runs at `embedded`.")
    turns, name = read_kinds(kinds), policy_name(policy, seed)
    rules = WorldRules(ambiguity=ambiguity, delay=delay)
    drawn = _drawn(seed, questions, turns, rules)
    rates = NO_FAULTS if faults == "none" else USUAL_FAULTS
    return GradedAgentTask(
        seed,
        partial(load_policy, name),
        budget or None,
        calls or None,
        tool_price,
        {role: partial(load_policy, mode_name(name, role)) for role in (ADAPTIVE, FLAT)},
        questions=tuple(
            Question(index, problem.prompt, f"{problem.family}{problem.size}")
            for index, problem in enumerate(drawn)
        ),
        scenes=tuple(Scene(one.world, draw_faults(mix(one.world.seed, 1), rates)) for one in drawn),
        grader=Answers(drawn),
    )


def missing_abilities(conditions: Mapping[str, Scalar]) -> dict[str, tuple[str, str]]:
    """Return by ability why no method gets it under these conditions, and what would give it.

    Raises:
        SelectionError: if there is no such policy.
    """
    found = absences(str({**CARD.defaults, **conditions}["policy"]))
    return {name: why for name, why in found.items() if name in ("values", "modes", "strategies")}


def read_kinds(text: str) -> tuple[tuple[Family, int], ...]:
    """Read kinds of questions: families with sizes, in turn.

    Raises:
        SelectionError: for one that there is not.
    """
    known = {f"{family}{size}": (family, size) for family in SIZES for size in SIZES[family]}
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known:
            raise SelectionError(f"There is no kind of question {name!r}.", nearest(name, known))
    return tuple(known[name] for name in names)


def _drawn(
    seed: int, count: int, turns: Sequence[tuple[Family, int]], rules: WorldRules
) -> tuple[Problem, ...]:
    """Draw questions, kinds in turn; question i of a kind is the same among whatever other kinds."""
    found = []
    for index in range(count):
        turn, (family, size) = index // len(turns), turns[index % len(turns)]
        key = mix(_EVALUATION, seed, list(SIZES).index(family), size, turn)
        found.append(draw_problem(family, size, key, "held-out", rules))
    return tuple(found)
