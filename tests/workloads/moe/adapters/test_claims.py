"""What may not pass for MHR or DynMoLE: controls, and rivals that do as well."""

import random
from collections.abc import Mapping
from typing import Any

from adabench.harness.analysis.claims.verdicts import verdicts
from adabench.harness.analysis.findings import ClaimRow
from adabench.harness.contract import registry
from adabench.harness.contract.record import Cell, Record

Values = Mapping[str, float]
SEEDS, CASES, NOISE = range(5), range(3), 0.004


def verdicts_on(values: Mapping[str, tuple[Mapping[str, Any], Values]]) -> dict[str, ClaimRow]:
    """Return the verdict on each claim where methods, at their points, measure `values`."""
    methods = {entry.name: entry for entry in registry.methods("adapters").values()}
    records = []
    for label, (point, own) in values.items():
        name = label.partition(" ")[0]
        full = {**methods[name].card.defaults, **point}
        for seed in SEEDS:
            records += [_record(name, full, own, seed, case) for case in CASES]
    cards = {methods[label.partition(" ")[0]].address for label in values}
    known = {entry.address: entry.card for entry in methods.values() if entry.address in cards}
    rows = verdicts(records, {"adapters": registry.find("adapters").card}, known)
    return {row.id: row for row in rows}


def _record(name: str, point: Mapping[str, Any], values: Values, seed: int, case: int) -> Record:
    conditions = registry.find("adapters").card.defaults
    cell = Cell("adapters", name, dict(point), conditions, "embedded", seed)
    draw = random.Random(f"{name} {point} {seed} {case}")
    found = {key: value * (1 + NOISE * (draw.random() - 0.5)) for key, value in values.items()}
    return Record(cell, "solve", case, 0, "ok", found, "", "")


def few_shot(accuracy: float, parameters: float = 56_064, seen: float = 0.5) -> dict[str, float]:
    return {
        "accuracy": accuracy, "accuracy_seen": seen, "gain": accuracy - 0.1,
        "trained_parameters": parameters, "gradient_cosine": 0.1, "accuracy_zero_shot": 0.2,
    }  # fmt: skip


def world(mhr: float, lora: float = 0.3, shuffled: float = 0.4) -> dict[str, Any]:
    return {
        "mhr": ({}, few_shot(mhr)),
        "poly": ({}, few_shot(0.5, 55_392, seen=0.3)),
        "poly_rand": ({}, few_shot(0.3, 55_296)),
        "shuffled_tasks": ({}, few_shot(shuffled)),
        "lora": ({}, few_shot(lora, 55_296)),
    }


def test_mhr_above_polytropon_is_reproduced_where_nothing_else_is() -> None:
    rows = verdicts_on(world(0.7))
    assert rows["mhr-1"].verdict == "reproduced"
    assert not rows["mhr-1"].met_by


def test_a_shared_lora_above_polytropon_unmasks_the_claim() -> None:
    rows = verdicts_on(world(0.7, lora=0.72))
    assert rows["mhr-1"].verdict != "reproduced"
    assert "lora" in rows["mhr-1"].met_by


def test_ids_by_lot_that_do_as_well_unmask_the_claim() -> None:
    rows = verdicts_on(world(0.7, shuffled=0.7))
    assert rows["mhr-1"].verdict != "reproduced"
    assert rows["mhr-ids"].verdict != "reproduced"


def test_more_numbers_than_polytropon_are_no_comparable_budget() -> None:
    values = world(0.7)
    values["mhr"] = ({}, few_shot(0.7, parameters=92_000))
    assert verdicts_on(values)["mhr-1"].verdict != "reproduced"


def experts(seen: float, parameters: float = 62_208) -> dict[str, float]:
    return few_shot(0.5, parameters, seen=seen)


def dynmole_world(gain: float, parameters: float = 62_208) -> dict[str, Any]:
    return {
        "dynmole": ({}, experts(0.5 * gain)),
        "lora 36": ({"rank": 36}, experts(0.5, parameters)),
        "mola": ({}, experts(0.5)),
        "random_count": ({}, experts(0.3)),
        "random_experts": ({}, experts(0.2)),
    }


def test_the_bars_of_dynmole_are_half_of_its_effects() -> None:
    """Above half of 9.6 % and of 2.3 %, and not above a little."""
    high, low = verdicts_on(dynmole_world(1.06)), verdicts_on(dynmole_world(1.004))
    assert {high[claim].verdict for claim in ("dm-1", "dm-2")} == {"reproduced"}
    assert {low[claim].verdict for claim in ("dm-1", "dm-2")} == {"direction only"}


def test_a_smaller_lora_is_no_rival_of_equal_size() -> None:
    assert verdicts_on(dynmole_world(1.2, parameters=7_000))["dm-1"].verdict != "reproduced"


def losses(entropy: float, area: float) -> Values:
    return {"router_entropy": entropy, "loss_mean": area, "load_peak": 2 - 0.5 * entropy}


def ablation(entropy: float, area: float, by_lot: float = 2.2) -> dict[str, Any]:
    return {
        "dynmole": ({}, losses(entropy, area)),
        "dynmole off": ({"entropy": "off"}, losses(1.2, 1.9)),
        "mola": ({}, losses(1.3, 1.8)),
        "random_experts": ({}, losses(1.88, by_lot)),
    }


def test_the_entropy_loss_is_held_against_dynmole_without_it() -> None:
    rows = verdicts_on(ablation(entropy=1.0, area=1.95))
    assert rows["dm-uncertainty"].verdict == "reproduced"
    assert rows["dm-3"].verdict in ("not reproduced", "contradicted")
    assert verdicts_on(ablation(entropy=1.0, area=1.7))["dm-3"].verdict == "reproduced"


def test_experts_by_lot_that_converge_as_fast_unmask_the_claim_of_convergence() -> None:
    rows = verdicts_on(ablation(entropy=1.0, area=1.7, by_lot=1.6))
    assert rows["dm-convergence"].verdict == "does not discriminate"
    assert rows["dm-convergence"].met_by == ("random_experts",)


def test_an_even_load_is_no_merit_where_lots_are_more_even() -> None:
    assert (
        verdicts_on(ablation(entropy=1.4, area=1.9))["dm-load"].verdict == "does not discriminate"
    )
