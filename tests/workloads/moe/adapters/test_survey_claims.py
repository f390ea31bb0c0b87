"""What may not pass for a claim of the survey: too many numbers, a slow merge, a control that does as well."""

from typing import Any

from tests.workloads.moe.adapters.test_claims import verdicts_on


def tuned(gain: float, parameters: float, **more: float) -> dict[str, float]:
    return {
        "accuracy": gain + 0.1, "gain": gain, "trained_parameters": parameters, "reading_overhead_s": 1e-4,
        "reading_merged_s": 1.0, "optimizer_bytes": 8 * parameters, "gradient_bytes": 4 * parameters,
        "activation_bytes": 1e6, "stored_bytes": 4 * parameters, "accuracy_source": 0.5,
        "training_bytes": 1.2e6 + 12 * parameters, "loss_mean": 1.0, **more,
    }  # fmt: skip


FULL = ({}, tuned(0.8, 58_910, accuracy_source=0.3))


def test_most_of_the_gain_for_few_numbers_is_reproduced() -> None:
    rows = verdicts_on(
        {"full": FULL, "bitfit": ({}, tuned(0.76, 878)), "random_mask": ({}, tuned(0.3, 878))}
    )
    assert rows["ps-1-bitfit"].verdict == "reproduced"
    assert rows["ps-1-bitfit-mask"].verdict == "reproduced"


def test_entries_by_lot_that_gain_as_much_unmask_biases() -> None:
    rows = verdicts_on(
        {"full": FULL, "bitfit": ({}, tuned(0.76, 878)), "random_mask": ({}, tuned(0.77, 878))}
    )
    assert rows["ps-1-bitfit"].verdict != "reproduced"
    assert rows["ps-1-bitfit-mask"].verdict != "reproduced"


def test_most_of_the_gain_for_many_numbers_is_no_few() -> None:
    rows = verdicts_on({"full": FULL, "bottleneck": ({"width": 6}, tuned(0.8, 6_400))})
    assert rows["ps-1-bottleneck"].verdict != "reproduced"


def test_half_of_the_gain_is_not_reproduced() -> None:
    rows = verdicts_on({"full": FULL, "ia3": ({}, tuned(0.4, 576))})
    assert rows["ps-1-ia3"].verdict == "not reproduced"


def test_a_merge_that_reads_slower_is_not_within_two_per_cent() -> None:
    slow = verdicts_on({"full": FULL, "ia3": ({}, tuned(0.4, 576, reading_merged_s=1.1))})
    same = verdicts_on({"full": FULL, "ia3": ({}, tuned(0.4, 576))})
    assert slow["ps-2-ia3"].verdict != "reproduced"
    assert same["ps-2-ia3"].verdict == "reproduced"


def test_a_prompt_that_costs_nothing_is_no_overhead() -> None:
    less = tuned(0.4, 2_304, reading_overhead_s=-1e-5)
    rows = verdicts_on({"full": FULL, "prompt": ({}, less), "prefix": ({}, less)})
    assert rows["ps-2-prompt"].verdict != "reproduced"
    assert rows["ps-2-prefix"].verdict == "not testable here"


def test_memory_that_falls_with_gradients_alone_is_not_enough() -> None:
    """The optimiser's state falls and gradients of frozen weights are computed anyway."""
    honest: dict[str, Any] = {"full": FULL, "dora": ({}, tuned(0.7, 7_776))}
    assert verdicts_on(honest)["ps-4"].verdict == "reproduced"
    wasteful = tuned(0.7, 7_776, gradient_bytes=4 * (58_910 + 7_776))
    assert verdicts_on({**honest, "dora": ({}, wasteful)})["ps-4"].verdict != "reproduced"


def test_an_optimiser_saved_and_spent_on_activations_saves_nothing() -> None:
    heavy = tuned(0.7, 7_776, activation_bytes=2e6, training_bytes=2.3e6)
    rows = verdicts_on({"full": FULL, "dora": ({}, heavy)})
    assert rows["ps-4"].verdict == "contradicted"
    assert rows["ps-4-activations"].verdict == "not reproduced"


def test_to_forget_little_because_little_was_learned_is_no_merit() -> None:
    poor = verdicts_on({"full": FULL, "dora": ({}, tuned(0.4, 7_776))})
    many = {name: ({}, tuned(0.4, 62_208)) for name in ("mola", "mola_layered")}
    equal = verdicts_on({"full": FULL, "dora": ({}, tuned(0.8, 7_776)), **many})
    assert poor["ps-7"].verdict == "not reproduced"
    assert equal["ps-7"].verdict == "reproduced"
    many["mola"] = {}, tuned(0.8, 62_208)
    also = verdicts_on({"full": FULL, "dora": ({}, tuned(0.8, 7_776)), **many})
    assert also["ps-7"].verdict == "does not discriminate", "few numbers are not the reason"


def test_serving_beside_one_base_must_be_faster_than_swapping() -> None:
    fast = verdicts_on({"dora": ({}, tuned(0.7, 7_776, serving_saved_64_s=1e-3))})
    slow = verdicts_on({"dora": ({}, tuned(0.7, 7_776, serving_saved_64_s=-1e-3))})
    assert fast["ps-6-throughput"].verdict == "reproduced"
    assert slow["ps-6-throughput"].verdict == "contradicted"


def test_a_prompt_that_loses_has_no_ratio_and_gains_less_all_the_same() -> None:
    lora = {"lora 4": ({"rank": 4}, tuned(0.7, 6_912))}
    rows = verdicts_on({**lora, "prompt": ({}, tuned(-0.04, 960))})
    assert (rows["ps-3"].verdict, rows["ps-3-less"].verdict) == ("undecided", "reproduced")
    rows = verdicts_on({**lora, "prompt": ({}, tuned(0.75, 960))})
    assert rows["ps-3"].verdict == rows["ps-3-less"].verdict == "contradicted"


def test_what_holds_by_design_is_no_headline() -> None:
    rows = verdicts_on({"full": FULL, "bitfit": ({}, tuned(0.4, 878))})
    assert rows["ps-1-bitfit-count"].source == "check"
    assert rows["ps-1-bitfit"].verdict == "not reproduced"


def test_more_numbers_than_lora_are_no_equal_budget() -> None:
    world = {
        "adalora": ({}, tuned(0.7, 7_824)), "lora 4": ({"rank": 4}, tuned(0.6, 6_912)),
        "random_ranks": ({}, tuned(0.5, 6_900)),
    }  # fmt: skip
    rows = verdicts_on(world)
    assert rows["ps-5-count"].verdict != "reproduced"
    assert rows["ps-5"].verdict != "reproduced"


def test_adaptive_ranks_are_held_to_ranks_by_lot() -> None:
    lora = {"rank": 4}
    world = {
        "adalora": ({}, tuned(0.7, 6_900)), "lora 4": (lora, tuned(0.6, 6_912)),
        "random_ranks": ({}, tuned(0.5, 6_900)),
    }  # fmt: skip
    assert verdicts_on(world)["ps-5"].verdict == "reproduced"
    rows = verdicts_on({**world, "random_ranks": ({}, tuned(0.71, 6_900))})
    assert rows["ps-5"].verdict != "reproduced"
    assert rows["ps-5-lot"].verdict == "contradicted"
