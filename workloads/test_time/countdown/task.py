"""Countdown: reach a target with all of the numbers, trying until it is met.

    prompt       <bos> CD 3 7 5 ? 22 >
    completion   3 + 5 = 8 : 8 7 ; 8 + 7 = 15 ; back  3 * 5 = 15 : 15 7 ; 15 + 7 = 22 ; <eos>

A small language model really writes every word (`recipes.py`): it tries, sees what came of it, gives up (`back`), and
tries something else. How long it thinks is its own choice, so this is where methods of longer, shorter and parallel
reasoning are measured.

**What the errors are.** A policy learned from attempts at random, some of which were given up (`training/search_traces.py`). What it answers
wrongly is nearly always a true attempt that misses the target (`search`): it stopped too soon. Whoever searches more, or better,
can repair that; it is a policy's own arithmetic that says whether it has arrived. A target that more than .15 of attempts at random meet is no question.

**What is scored.** `accuracy`: whether the attempt that `<eos>` closes uses every number once, states nothing untrue and
meets the target; it is replayed in the run's process. A completion that is not closed, or no chain of well-formed steps, is
wrong and counts as `malformed`. What is counted is as in `chain`.

**What is given to everybody alike.** Held-out problems; a policy; the engine, which samples, shares prefixes and counts.
Sample i of a question is the same for every method. There is no judge. From each training of the policy others go on (`mrt`), and
beside it policies learn to search in one thread and in several (`apr`).

**Conditions.** `numbers`: how many a question has, in turn (`3,4`); each is a group. `problems`: how many questions a seed
asks. `trainings`: how many trainings of the policy the seeds of a run take in turn. `budget`: words that may be
generated; 0 is no limit.
"""

from collections.abc import Mapping
from functools import partial

from adabench.harness.contract.card import Card, Gap, Gates, Knob, Metric, Scalar
from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.countdown.substrate.domain import COUNTDOWN
from adabench.workloads.test_time.countdown.substrate.number_problems import SIZES
from adabench.workloads.test_time.countdown.substrate.trained_models import models
from adabench.workloads.test_time.countdown.truth.true_steps import Replays
from adabench.workloads.test_time.countdown.truth.true_steps import questions as drawn_questions
from adabench.workloads.test_time.substrate.method_rules import method_problems
from adabench.workloads.test_time.substrate.question_task import GradedTask

CARD = Card(
    title="Countdown: how long to search for an expression that meets a target",
    paper="our own substrate; Meta Reinforcement Fine-Tuning, arXiv 2503.07572, is its first paper",
    adapts="how many attempts a question gets, one after the other or side by side",
    gaps=(
        Gap(
            mixture=("cut", "greedy", "grpo", "grpo_length", "majority", "sample"),
            methods=("mrt",),
            oracle="pass_at_n",
            coin="mrt_permuted",
        ),
        Gap(
            mixture=("cut", "greedy", "grpo", "grpo_length", "majority", "sample"),
            methods=("apr",),
            oracle="pass_at_n",
            coin="apr_coins",
        ),
    ),
    gates=(
        Gates(
            default="sample",
            cases={"problems": 200},
            seeds=(850, 851, 852, 853, 854),
            repairs=("search", "malformed"),
            without={
                "strategies": "methods here learn when to stop; none of them chooses among fixed strategies"
            },
        ),
    ),
    knobs=(
        Knob("numbers", ("3,4",), "3,4", open=True),
        Knob("problems", (16,), 16, open=True, low=1),
        Knob("budget", (0,), 0, open=True, low=0),
        Knob("trainings", (3,), 3, open=True, low=1, high=5),
    ),
    cases="exchangeable",
    given=("cd-s[0-9]*",),
    metrics=(
        Metric("accuracy", "", "higher", "quality", primary=True),
        Metric("malformed", "", "lower", "quality"),
        Metric("flops_counted", "FLOP", "lower", "work", primary=True),
        Metric("generated prefilled discarded", "tokens", "lower", "cost"),
        Metric("injected_forced injected_child", "tokens", "lower", "cost"),
        Metric("children", "contexts", "lower", "cost"),
        Metric("serial_steps", "steps", "lower", "cost"),
        Metric("calls", "calls", "lower", "cost"),
        Metric("kv_before kv_after kv_peak", "tokens", "lower", "cost"),
        Metric("kv_peak_bytes", "B", "lower", "cost"),
        Metric("kv_token_steps", "tokens", "lower", "cost"),
        Metric("ttft_s itl_s tpot_s aux_s", "s", "lower", "cost"),
        Metric("spent", "", "lower", "info"),
    ),
)
CHECK_CONDITIONS = {"problems": 2}
check = partial(method_problems, "countdown")
__all__ = ["CARD", "CHECK_CONDITIONS", "check", "load", "missing_abilities"]
_EVALUATION = 1_000_003  # evaluation streams are keyed apart from training's


def load(
    scale: str,
    seed: int,
    *,
    numbers: str = "3,4",
    problems: int = 16,
    budget: int = 0,
    trainings: int = 3,
) -> GradedTask:
    """Return the task under the given conditions.

    Raises:
        SelectionError: for a scale that it does not have, or sizes that no question has.
    """
    if scale not in CARD.scales:
        raise SelectionError(f"countdown has no scale {scale!r}.", "It runs at `embedded`.")
    drawn = drawn_questions("test", mix(_EVALUATION, seed), problems, _sizes(numbers))
    asked = tuple(
        Question(index, one.prompt, f"k{len(one.numbers)}") for index, one in enumerate(drawn)
    )
    own = partial(models, seed, trainings)
    return GradedTask(seed, COUNTDOWN, own, budget or None, questions=asked, grader=Replays(drawn))


def missing_abilities(conditions: Mapping[str, Scalar]) -> dict[str, tuple[str, str]]:
    """Return by ability why no method gets it under any conditions, and what would give it."""
    del conditions
    remedy = "Choose chain, where a judge stands beside the policy."
    alone = "In countdown the policy stands alone: "
    return {
        "scores": (f"{alone}nobody judges what it writes.", remedy),
        "draft": (f"{alone}it is the draft of no other.", remedy),
        "pool": (f"{alone}no larger ones stand beside it.", remedy),
        "revisions": (f"{alone}none was trained on attempts of others.", remedy),
    }


def _sizes(text: str) -> tuple[int, ...]:
    """Return how many numbers questions have, in turn.

    Raises:
        SelectionError: for what no question has.
    """
    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) in SIZES for part in parts):
        known = " and ".join(map(str, SIZES))
        raise SelectionError(
            f"numbers={text}: policies are trained on {known} numbers.", "For example: numbers=3,4."
        )
    return tuple(map(int, parts))
