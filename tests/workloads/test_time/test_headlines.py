"""Each sentence of five abstracts that says what came out has its claims, and their bars are the paper's."""

import math

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.card import OutOfReach, Ratio, Reach
from adabench.harness.contract.claim import Claim, bar

READS = ("<all cards>",)
"""For tests/suite/dependencies.py."""

SENTENCES: dict[str, dict[str, tuple[str, ...]]] = {
    "arbitrage": {
        "approximates an ideal Arbitrage Oracle, near-optimal trade-offs": ("arb-oracle",),
        "consistently surpasses prior step-level baselines": ("arb-rsd", "TX-arb-quality"),
        "reducing inference latency by up to 2x at matched accuracy": ("arb-latency",),
    },
    "compute-optimal": {
        "in both cases effectiveness critically varies with the difficulty": ("CO-3", "CO-5"),
        "more efficient by more than 4x compared to best-of-N": ("CO-1",),
        "FLOPs-matched, can outperform a 14x larger model": ("CO-2",),
    },
    "radar": {
        "lightweight": ("radar-light",),
        "routes higher difficulty to higher ability, and vice versa": ("radar-hard",),
        "superior performance compared to other routers": ("radar-router", "radar-volume"),
        "strong performance on out-of-distribution queries": ("radar-out",),
        "integrates models by a small set of selected queries": ("radar-added", "radar-chosen"),
    },
    "scale": {
        "selectively allocates, superior resource utilization": ("SC-1",),
        "outperforms uniform scaling baselines by up to 13.75 points": ("SC-2", "SC-2-uniform"),
        "while reducing costs by 33 % to 53 %": ("SC-3",),
    },
    "ttspm": {
        "the saturation point, beyond which returns diminish, of both": ("TT-plateau", "TT-sequential"),
        "both converge to one structure in their upper bounds": (
            "TT-1-hit", "TT-1-vote", "TT-1-sequential", "TT-4",
        ),
        "practical utility for test-time resource allocation": ("TT-3",),
    },
}  # fmt: skip
NUMBERS = {"CO-1": 1 / 4, "arb-latency": 1 / 2, "SC-2": 71.25 / 57.5, "SC-2-uniform": 71.25 / 57.5,
           "SC-3": 1 - 0.33}  # fmt: skip
"""Ratios that an abstract states."""
TOGETHER = (("SC-2", "SC-3"), ("CO-2", "CO-2-flops"), ("radar-added", "radar-chosen"))
"""Halves of one sentence: the first is not reproduced without the second."""


def claims_of(slug: str) -> dict[str, Claim]:
    return {
        claim.id: claim
        for task in registry.tasks()
        for method in registry.methods(task).values()
        if method.card.slug == slug
        for claim in method.card.claims
    }


@pytest.mark.parametrize("slug", SENTENCES)
def test_headlines_are_the_abstracts_sentences_and_no_others(slug: str) -> None:
    known = claims_of(slug)
    wanted = {name for names in SENTENCES[slug].values() for name in names}
    assert {name for name, claim in known.items() if claim.source == "headline"} == wanted
    for sentence, names in SENTENCES[slug].items():
        testable = [name for name in names if not isinstance(known[name].expect, OutOfReach)]
        assert testable, sentence


def test_what_an_abstract_states_as_a_number_is_asked_for_to_half_at_least() -> None:
    known = {name: claim for slug in SENTENCES for name, claim in claims_of(slug).items()}
    for name, effect in NUMBERS.items():
        claim, at = known[name], bar(known[name])
        assert isinstance(claim.expect, Ratio | Reach)
        assert claim.effect == pytest.approx(effect, abs=1e-3)
        assert at is not None
        assert abs(math.log(at)) >= 0.5 * abs(math.log(effect)) - 1e-3


def test_a_share_of_a_price_is_a_ratio_and_half_of_it_lies_on_the_scale_of_ratios() -> None:
    """Half of what is saved, 49 %, would be reached at forty times the paper's price."""
    at = bar(claims_of("radar")["radar-90"])
    assert at is not None
    assert 1 - at <= math.sqrt(0.0131) + 1e-3


@pytest.mark.parametrize(("first", "second"), TOGETHER)
def test_halves_of_a_sentence_are_judged_together(first: str, second: str) -> None:
    known = {name: claim for slug in SENTENCES for name, claim in claims_of(slug).items()}
    assert second in known[first].requires
