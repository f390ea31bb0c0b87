"""What a policy of the format `orders` is worth: whether it believes what its teacher did, and how it errs.

table                how many of the 1,728 products it states as its teacher believes them
malformed            samples that are none of the form
arithmetic, slips    of wrong samples: those with a wrong product, those that copy something wrongly
greedy_kN, sampled_kN    right answers to questions with N large factors
"""

from collections.abc import Sequence

from adabench.workloads.shared.language_model.contract import Costs, Seq, mix
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.test_time.chain.recipes import Mistaken
from adabench.workloads.test_time.chain.substrate.order_problems import (
    FACTORS,
    LONGEST,
    MODULUS,
    RESULT,
    TEMPERATURE,
    ZERO,
    Product,
    answer,
    questions,
    read_steps,
    room,
    slips,
)
from adabench.workloads.test_time.chain.truth.order_solutions import (
    belief,
    holds_wrong_product,
    truth,
)

DEV_SEED, DEV_PROBLEMS, SAMPLES = 5, 100, 4
"""Of questions with each number of large factors; samples of each."""


def report(policy: NativeEngine, mistaken: Mistaken) -> dict[str, float]:
    """Return the figures of a policy on the `dev` split."""
    found = {"table": table_share(policy, mistaken)}
    wrong = list[tuple[Product, Seq]]()
    for large in range(LONGEST + 1):
        asked = questions("dev", DEV_SEED, DEV_PROBLEMS, [large])
        for label, temperature, count in (("greedy", 0.0, 1), ("sampled", TEMPERATURE, SAMPLES)):
            seqs = completions(policy, asked, count, temperature)
            missed = [
                (problem, seq) for problem, seq in seqs if answer(seq.completion) != truth(problem)
            ]
            found[f"{label}_k{large}"] = 1 - len(missed) / len(seqs)
            wrong += missed if temperature else []
    malformed = sum(answer(seq.completion) is None for _, seq in wrong)
    sampled = (LONGEST + 1) * DEV_PROBLEMS * SAMPLES
    arithmetic = sum(holds_wrong_product(seq.completion) for _, seq in wrong)
    slipped = sum(slips(problem, read_steps(seq.completion)) for problem, seq in wrong)
    return found | {
        "malformed": malformed / sampled,
        "arithmetic": arithmetic / len(wrong),
        "slips": slipped / len(wrong),
    }


def table_share(policy: NativeEngine, mistaken: Mistaken) -> float:
    """Return the share of products that a policy states as a teacher believes them."""
    facts = [(value, factor) for factor in FACTORS for value in range(1, MODULUS)]
    policy.reset(Costs())
    seqs = [policy.open(Product(value, (factor,)).prompt) for value, factor in facts]
    policy.decode(seqs, max_new=RESULT + 1, temperature=0.0)
    same = sum(
        seq.completion[RESULT:] == (ZERO + belief(*fact, mistaken),)
        for fact, seq in zip(facts, seqs, strict=True)
    )
    return same / len(facts)


def completions(
    policy: NativeEngine, asked: Sequence[Product], count: int, temperature: float
) -> list[tuple[Product, Seq]]:
    """Return so many completions of each problem, each with its problem."""
    policy.reset(Costs())
    roots = [policy.open(problem.prompt, mix(11, i)) for i, problem in enumerate(asked)]
    seqs = [seq for root in roots for seq in policy.fork(root, count)]
    longest = max(room(problem.prompt) for problem in asked)
    policy.decode(seqs, max_new=longest, temperature=temperature)
    return list(zip((problem for problem in asked for _ in range(count)), seqs, strict=True))
