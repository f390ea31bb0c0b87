"""The tour brings what its numbers are measured between."""

from adabench.harness.contract import registry
from adabench.harness.plan.request import TOUR, expand
from adabench.harness.run.run_request import RunRequest


def test_the_tour_brings_mixture_oracle_and_coin_of_every_adaptive_method() -> None:
    chosen = {selection.method.address for selection in expand(TOUR)}
    for address in sorted(chosen):
        entry = registry.find(address)
        home = registry.find(entry.task).card
        for gap in home.gaps:
            if entry.card.role == "adaptive" and entry.name in gap.methods:
                here = [
                    name
                    for name in gap.mixture
                    if gap.only_at.get(name, {}).items() <= home.defaults.items()
                ]
                needed = (*here, *filter(None, (gap.oracle, gap.coin)))
                assert {f"{entry.task}/{name}" for name in needed} <= chosen


def test_the_tour_plans_its_parts_as_they_are_written() -> None:
    assert RunRequest().plans == TOUR
    more = RunRequest(fixed=("requests=9",)).plans
    assert [part.fixed for part in more] == [(*part.fixed, "requests=9") for part in TOUR]
    assert [(part.select, part.swept, part.star, part.alone) for part in more] == [
        (part.select, part.swept, part.star, part.alone) for part in TOUR
    ]
