"""The tour brings what its numbers are measured between."""

from adabench.harness.contract import registry
from adabench.harness.plan.request import TOUR, expand


def test_the_tour_brings_mixture_oracle_and_coin_of_every_adaptive_method() -> None:
    chosen = {selection.method.address for selection in expand(TOUR)}
    for address in sorted(chosen):
        entry = registry.find(address)
        for gap in registry.find(entry.task).card.gaps:
            if entry.card.role == "adaptive" and entry.name in gap.methods:
                needed = (*gap.mixture, *filter(None, (gap.oracle, gap.coin)))
                assert {f"{entry.task}/{name}" for name in needed} <= chosen
