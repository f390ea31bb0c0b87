"""Chain arithmetic: how many tokens does a problem need, and on which branch.

    prompt       69 : 9 17 15 11 >
    completion   69 * 15 = 65 : 9 17 ? 11 ; 65 * 17 = 38 : 9 ? ? 11 ; 38 * 9 = 51 : ? ? ? 11 ; ... ; <eos>

A value times seven factors modulo 97, one factor a step, in any order (`order_problems.py`). Small language models
really sample every word (`recipes.py`). Only the answer is graded: voting, judging and searching all have something
to gain, and none is told what is right.

    def solve(task, question, point):
        with task.session(question) as session:
            leaves = session.fork(session.open(), 16)
            session.decode(leaves, max_new=session.room)
            session.offer(vote([leaf.completion for leaf in leaves], weights, session.answer))
        return session.best

**What the errors are.** A policy's teacher misremembers a share of the products by large factors
(`truth/order_solutions.py`), and the policy states them with confidence. Orders do not meet before the answer, so
those that pass no such product agree on it: votes, judges and searches can find them, and no single decoding does. A
judge misremembers less, and what it misremembers its policy does too: asked for too long, it finds what both believe.

**What is given to everybody alike.** Held-out questions with 0 to 7 large factors, which is how hard they are; a
policy and a judge that is better than it; the engine, which samples, shares prefixes, counts, and stops a method
whose budget is gone. Sample i of a question is the same for every method: what differs between two of them is what
they did with it.

**What is scored.** `accuracy`: the answer that the returned completion states. It must be one that the
engine decoded for this question, as it left it (`decoding_ledger.py`); one that is not a chain of
well-formed steps is wrong and counts as `malformed`. `flops_counted`: of policy and
judge, by formula, counted where a row is run. `generated`, `judged`, `prefilled`: tokens.
`serial_steps`: decoding steps one after the other. `kv_before`, `kv_after`: tokens the policy's
cache held at each depth of a search, before and after pruning. `aux_s`: seconds of solver,
clustering and votes, inside the latency. `ttft_s` counts from the question; a search's first word
is no answer yet. `itl_s` is the time from one decoding step to the next, `tpot_s` the time per word
when all words of all branches count, both after the first word. `sys2_share`: which part of a
question's operations was worked out in parts, of methods with two modes (`step_modes.py`). `difficulty_flops`:
the part of `flops_counted` that went into estimating how hard a question is, of methods that do.

**Two policies.** The policy may be the draft of a larger one, for methods that ask for the pair
(`task.session(question, paired=True)`). What each of them cost is counted apart; `target_share` is
the share of the answer's words that the target wrote, `redrawn_share` what it drew as the draft had.

**A pool.** Or it may be the smallest of three (`task.session(question, pooled=True)`): `lm-s`, `lm-x`,
`lm-l`, each with 1, 4 or 16 votes, for methods that choose one configuration for a question
(`configuration_pool.py`). `middle_share` and `large_share` say which of the larger two wrote the answer.

**A policy that revises** reads earlier attempts at a question and writes another one, which is an answer
like any other (`task.session(question, revising=True)`, `RecordedEngine.resume`).

**Conditions.** `large`: how many factors of the questions are large, in turn (`0..7`, `2,4`); each is a group.
`trainings`: how many trainings of the policy run seeds take in turn, each with a judge, a table of strategies, a
router, responses and a policy that revises of its own. With 1 seeds draw other questions, not other weights; what is
missing is named before anything runs. `policy`: `lm-x` (5 times the FLOPs of `lm-s`) or `lm-l` (20 times) answer
more; no judge is stronger than they are, and methods that need one say so. `budget`: tokens that may be generated; 0
is no limit. `format=splits` has sums and products modulo 100 in which a product may be worked out in parts, for
methods with two modes (`substrate/problems.py`): `lengths` operations, one policy, no judge. From it others go on by
reward (`rl_policy`), as its errors are of procedure, which a reward repairs, and not products that it was taught wrongly.
`policy=moe-s` is such a policy whose MLP became experts: a word of it can be drawn from several routed passes, each booked as a word.
`format=tries` has questions of `lengths` factors, which a policy tries in several orders, as often as it likes (`substrate/tries.py`): for
methods that ask it for less; `format=paths` has the same, and a policy that writes paths side by side and sums them up (`substrate/paths.py`).

**Scale `gpu`.** Searches at the shape of a 7B model with random weights (`gpu_mechanics.py`): time,
bytes, tokens and FLOPs are real, quality is withheld. `format`, `large`, `lengths` and `trainings` mean nothing there.

**Limits.** A solution has seven steps of 14 words: ancestors are cheap beside leaves, and decoding is dominated by
weights, not by the cache. The default asks 16 questions a seed, so that all methods take minutes: ask more
(`--set problems=80`) before you quote a number.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from adabench.harness.contract.card import Card, Gap, Gates, Knob, Metric, Scalar
from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.chain.abilities import absences, absences_of_splits
from adabench.workloads.test_time.chain.recipes import Format
from adabench.workloads.test_time.chain.substrate import gpu_mechanics, order_problems, tries
from adabench.workloads.test_time.chain.substrate.configuration_pool import pooled_models
from adabench.workloads.test_time.chain.substrate.domain import (
    MECHANICS,
    ORDERS,
    PATHS,
    TRIES,
    splits_of,
    with_modes,
)
from adabench.workloads.test_time.chain.substrate.lengths import read_lengths
from adabench.workloads.test_time.chain.substrate.problems import Problem, stream
from adabench.workloads.test_time.chain.substrate.trained_models import (
    SMALL,
    effort_models,
    paths_models,
    policy_names,
    splits_models,
    splits_name,
)
from adabench.workloads.test_time.chain.truth.order_solutions import (
    OrderAnswers,
    PathAnswers,
    TriesAnswers,
)
from adabench.workloads.test_time.chain.truth.worked_solutions import Answers
from adabench.workloads.test_time.substrate.method_rules import method_problems
from adabench.workloads.test_time.substrate.question_task import GradedTask
from adabench.workloads.test_time.substrate.search_models import Models

CARD = Card(
    title="Chain arithmetic: an answer that only sampling and judging can improve",
    paper="our own substrate; Efficient Tree Search, arXiv 2502.13575, is its first method",
    adapts="how many completions, and which branches of them, a question gets",
    scales=("embedded", "gpu"),
    trainings=1,
    gaps=(
        Gap(
            mixture=(
                "best_of_n",
                "configuration",
                "greedy",
                "held_orders",
                "judged_vote",
                "majority",
                "sample",
                "surest",
            ),
            only_at={
                "configuration": {"format": "orders", "policy": "lm-s"},
                "held_orders": {"format": "orders"},
                "surest": {"format": "orders"},
            },
            methods=(
                "adaptive_consistency",
                "beam",
                "dvts",
                "ets",
                "ets_kv",
                "lookahead",
                "random_n",
                "rebase",
                "ttspm",
            ),
            oracle="pass_at_n",
            coin="random_n",
        ),
        Gap(
            mixture=(
                "best_of_n",
                "configuration",
                "greedy",
                "held_orders",
                "judged_vote",
                "majority",
                "sample",
                "surest",
            ),
            only_at={
                "configuration": {"format": "orders", "policy": "lm-s"},
                "held_orders": {"format": "orders"},
                "surest": {"format": "orders"},
            },
            methods=("compute_optimal", "random_strategy"),
            oracle="best_strategy",
            coin="random_strategy",
        ),
        Gap(
            mixture=("sys1", "sys2"),
            methods=("scale", "scale_rule", "scale_coins"),
            oracle="scale_oracle",
            coin="scale_coins",
        ),
        Gap(
            mixture=("sample",),
            methods=("rl_policy", "permuted_rewards", "sft_more"),
            oracle="rl_pass_at_n",
            coin="permuted_rewards",
        ),
        Gap(
            mixture=("majority", "roe"),
            methods=("hyper", "hyper_coins"),
            oracle="pass_at_n",
            coin="hyper_coins",
        ),
        Gap(mixture=("majority", "roe"), methods=("deepconf",), oracle="pass_at_n"),
        Gap(
            mixture=("paths_majority", "paths_reread"),
            methods=("parathinker", "path_coin", "paths_unread", "paths_one_word", "paths_mixed"),
            coin="path_coin",
        ),
        Gap(
            mixture=("effort_start",),
            methods=("e1", "effort_more", "permuted_efforts"),
            coin="permuted_efforts",
        ),
        Gap(
            mixture=("greedy", "target_only"),
            methods=("arbitrage", "drop", "rsd", "random_escalation"),
            oracle="arbitrage_oracle",
            coin="random_escalation",
        ),
        Gap(
            mixture=("configuration",),
            methods=("radar", "knn_router", "random_pair"),
            oracle="radar_oracle",
            coin="random_pair",
        ),
        Gap(
            mixture=("parallel_attempts",),
            methods=("revisions",),
            oracle="revision_oracle",
            oracle_at={"returns": "right"},
        ),
        Gap(
            mixture=("parallel_attempts",),
            methods=("rethinking", "random_rounds"),
            oracle="revision_oracle",
            oracle_at={"returns": "right"},
            coin="random_rounds",
        ),
    ),
    gates=(
        Gates(
            default="greedy",
            cases={"problems": 200},
            seeds=(850, 851, 852, 853, 854),
            anywhere=("trainings",),
            repairs=("arithmetic",),
            pool=("majority", "judged_vote", "parallel_attempts", "configuration"),
        ),
    ),
    knobs=(
        Knob("policy", ("lm-s",), "lm-s", open=True),
        Knob("format", ("orders",), "orders", also=("splits", "tries", "paths")),
        Knob("budget", (0,), 0, open=True, low=0),
        Knob("problems", (16,), 16, open=True, low=1),
        Knob("large", ("0..7",), "0..7", open=True),
        Knob("lengths", ("4,6",), "4,6", open=True),
        Knob("trainings", (5,), 5, open=True, low=1, high=5),
    ),
    cases="exchangeable",
    given=("lm-*", "moe-s-*", "judge*", "effort-start-*"),
    metrics=(
        Metric("accuracy", "", "higher", "quality", primary=True),
        Metric("malformed", "", "lower", "quality"),
        Metric("flops_counted", "FLOP", "lower", "work", primary=True),
        Metric("generated judged prefilled refined", "tokens", "lower", "cost"),
        Metric("target_share redrawn_share middle_share large_share", "", "lower", "cost"),
        Metric(
            "discarded injected_draft injected_forced generated_policy", "tokens", "lower", "cost"
        ),
        Metric("generated_target generated_middle generated_large", "tokens", "lower", "cost"),
        Metric("prefilled_policy prefilled_target prefilled_middle", "tokens", "lower", "cost"),
        Metric("prefilled_large", "tokens", "lower", "cost"),
        Metric("flops_counted_policy flops_counted_target", "FLOP", "lower", "cost"),
        Metric("idle_flops", "FLOP", "lower", "info"),
        Metric("flops_counted_middle flops_counted_large", "FLOP", "lower", "cost"),
        Metric("serial_steps", "steps", "lower", "cost"),
        Metric("calls", "calls", "lower", "cost"),
        Metric("kv_before kv_after kv_peak", "tokens", "lower", "cost"),
        Metric("kv_peak_bytes", "B", "lower", "cost"),
        Metric("kv_token_steps judge_kv_peak", "tokens", "lower", "cost"),
        Metric("judge_kv_peak_bytes", "B", "lower", "cost"),
        Metric("ttft_s itl_s tpot_s aux_s", "s", "lower", "cost"),
        Metric("spent", "", "lower", "info"),
        Metric("sys2_share", "", "lower", "cost"),
        Metric("difficulty_flops", "FLOP", "lower", "cost"),
    ),
)
CHECK_CONDITIONS = {"problems": 2}
check = partial(method_problems, "chain")

__all__ = [
    "CARD", "CHECK_CONDITIONS", "check", "load", "missing_abilities", "of_mechanics", "practice",
]  # fmt: skip
_EVALUATION = 1_000_003  # evaluation streams are keyed apart from training's


def load(
    scale: str,
    seed: int,
    *,
    policy: str = "lm-s",
    format: Format = "orders",
    budget: int = 0,
    problems: int = 16,
    large: str = "0..7",
    lengths: str = "4,6",
    trainings: int = 5,
) -> GradedTask:
    """Return the task under the given conditions.

    Raises:
        DeviceUnavailable: at scale `gpu` on a machine without a CUDA device.
        SelectionError: for a scale or policy that it does not have, or numbers of factors or operations that are none.
        TrainingMissing: if a training that is wanted was not made yet.
    """
    if scale not in CARD.scales:
        raise SelectionError(f"chain has no scale {scale!r}.", f"It has: {', '.join(CARD.scales)}.")
    if scale == "gpu":
        gpu_mechanics.available()
        gpu_mechanics.check_policy(policy)
        return of_mechanics(partial(gpu_mechanics.models, policy, seed), seed, problems, budget)
    if format == "splits":
        return _of_splits(seed, policy, budget, problems, lengths, trainings)
    if format in ("tries", "paths"):
        if policy != SMALL:
            raise SelectionError(
                f"There is no policy {policy!r} of the format {format}.", f"Choose policy={SMALL}."
            )
        return _of_tries(seed, budget, problems, lengths, large, format == "paths")
    turns = read_lengths(large, "large", 0, order_problems.LONGEST)
    drawn = tuple(order_problems.questions("test", mix(_EVALUATION, seed), problems, turns))
    asked = tuple(
        Question(index, problem.prompt, f"k{problem.large}") for index, problem in enumerate(drawn)
    )
    policy_names(
        policy, seed, trainings
    )  # an unknown policy is refused here, not in a method's process
    own = partial(pooled_models, policy, seed, trainings)
    return GradedTask(
        seed, ORDERS, own, budget or None, questions=asked, grader=OrderAnswers(drawn)
    )


def _of_splits(
    seed: int, policy: str, budget: int, problems: int, lengths: str, trainings: int
) -> GradedTask:
    """Return the task in the format `splits`."""
    turns = read_lengths(lengths)
    drawn = _drawn(seed, problems, turns)
    questions = tuple(
        Question(index, problem.prompt, f"d{len(problem.operations)}")
        for index, problem in enumerate(drawn)
    )
    domain, name = splits_of(turns), splits_name(policy, seed, trainings)
    if policy == SMALL:  # how experts err in a mode was measured by nobody
        domain = with_modes(domain, name, seed)
    own = partial(splits_models, policy, seed, trainings)
    return GradedTask(seed, domain, own, budget or None, questions=questions, grader=Answers(drawn))


def _of_tries(
    seed: int, budget: int, problems: int, lengths: str, large: str, in_paths: bool
) -> GradedTask:
    """Return the task in the format `tries`, or `paths`, whose questions are the same."""
    turns = read_lengths(lengths, "lengths", 1, order_problems.LONGEST)
    kinds = read_lengths(large, "large", 0, order_problems.LONGEST)
    drawn = tuple(tries.questions("test", mix(_EVALUATION, seed), problems, turns, kinds))
    asked = tuple(
        Question(index, problem.prompt, f"k{problem.large}") for index, problem in enumerate(drawn)
    )
    own = partial(paths_models if in_paths else effort_models, seed)
    domain, grader = (PATHS, PathAnswers(drawn)) if in_paths else (TRIES, TriesAnswers(drawn))
    return GradedTask(seed, domain, own, budget or None, questions=asked, grader=grader)


def practice(seed: int, task: GradedTask, count: int) -> GradedTask:
    """Return a task of the format `orders` with questions of the `dev` split in place of its own."""
    turns = sorted({int(question.group.removeprefix("k")) for question in task.questions})
    drawn = tuple(order_problems.questions("dev", seed, count, turns))
    asked = tuple(Question(index, problem.prompt, "dev") for index, problem in enumerate(drawn))
    return replace(task, seed=seed, questions=asked, grader=OrderAnswers(drawn))


def missing_abilities(conditions: Mapping[str, Scalar]) -> dict[str, tuple[str, str]]:
    """Return by ability why no method gets it under these conditions, and what would give it.

    Raises:
        SelectionError: if there is no such policy.
    """
    given = {**CARD.defaults, **conditions}
    policy, trainings = str(given["policy"]), int(given["trainings"])
    if given["format"] != "orders":
        splits_name(policy, 0)
        return absences_of_splits(str(given["format"]), policy)
    policy_names(policy, 0)
    return absences(policy, trainings)


def of_mechanics(
    load_models: Callable[[], Models],
    seed: int,
    count: int,
    budget: int = 0,
    length: int = gpu_mechanics.PROMPT,
) -> GradedTask:
    """Return the task over prompts of random words, without answers."""
    drawn = gpu_mechanics.prompts(seed, count, length)
    questions = tuple(Question(index, prompt, "") for index, prompt in enumerate(drawn))
    return GradedTask(
        seed, MECHANICS, load_models, budget or None, on_device=True, questions=questions
    )


def _drawn(seed: int, count: int, lengths: Sequence[int]) -> tuple[Problem, ...]:
    """Draw test problems, lengths in turn."""
    streams = [stream("test", mix(_EVALUATION, seed, d), [d]) for d in lengths]
    return tuple(next(streams[i % len(streams)]) for i in range(count))
