"""The survey's methods as adapters: where they begin, what they train, and what merging them says."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from adabench.harness.errors import MethodContractError
from adabench.workloads.moe.adapters.recipes import SURVEY, recipes
from adabench.workloads.moe.adapters.substrate import (
    base_parts,
    footprint,
    pretrained,
    rank_allocation,
    tuning_kinds,
)
from adabench.workloads.moe.adapters.substrate.adapter import NOTHING, Adapter, forward
from adabench.workloads.moe.adapters.substrate.base_model import SITES, Base
from adabench.workloads.moe.adapters.substrate.few_shot import Examples, Schedule, adapt
from adabench.workloads.moe.adapters.substrate.forward_pass import Work
from adabench.workloads.moe.adapters.substrate.instructed_tasks import (
    examples_and_tests,
    held_out_tasks,
)
from adabench.workloads.moe.adapters.substrate.low_rank import fresh_lora
from adabench.workloads.moe.adapters.substrate.pretrained import HISTORY
from adabench.workloads.moe.adapters.training import pretrain
from tests.workloads.moe.adapters.benches import generator, step, stirred, untrained

KINDS = sorted(tuning_kinds.KINDS)
MERGED = ("lora", "dora", "ia3", "bitfit", "norms", "random-mask", "full", "adalora")
BESIDE = ("prompt", "prefix", "bottleneck-6", "bottleneck-16")
AS_THE_BASE = [kind for kind in KINDS if kind not in ("prompt", "prefix", "scratch")]
COUNTS = {
    "prompt": 960, "prefix": 2_304, "ia3": 576, "bitfit": 878, "norms": 240, "random-mask": 878,
    "bottleneck-6": 2_520, "bottleneck-16": 6_400, "dora": 7_776,
}  # fmt: skip


def examples() -> Examples:
    shown, _ = examples_and_tests(np.random.default_rng(0), held_out_tasks()[0], 32, 8)
    return Examples(shown.tokens, shown.answers)


def fresh(kind: str, base: Base) -> Adapter:
    return (
        fresh_lora(4, generator())
        if kind == "lora"
        else tuning_kinds.fresh(kind, base, generator())
    )


def moved(kind: str, base: Base) -> Adapter:
    """Return one whose trained weights are moved, so that nothing is zero."""
    adapter = fresh(kind, base)
    own = {name: 0.5 * value for name, value in stirred(adapter.trained).items()}
    return replace(adapter, weights=adapter.weights | own)


@pytest.mark.parametrize("kind", AS_THE_BASE)
def test_an_untrained_one_says_what_the_base_says(kind: str) -> None:
    base = untrained()
    said = forward(step(base), fresh(kind, base))
    torch.testing.assert_close(said, forward(step(base), NOTHING), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("kind", MERGED)
def test_merged_it_says_what_it_says_beside_the_base(kind: str) -> None:
    base, adapter = untrained(), moved(kind, untrained())
    assert adapter.merge is not None
    merged = forward(step(adapter.merge(adapter.weights, base)), NOTHING)
    beside = forward(step(base), adapter)
    assert not torch.allclose(beside, forward(step(base), NOTHING), atol=1e-2)
    scale = float(beside.abs().max())
    torch.testing.assert_close(merged / scale, beside / scale, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("kind", BESIDE)
def test_prompts_prefixes_and_bottlenecks_claim_no_merging(kind: str) -> None:
    assert fresh(kind, untrained()).merge is None


@pytest.mark.parametrize("kind", KINDS)
def test_one_step_moves_what_is_counted_and_no_frozen_weight_has_a_gradient(kind: str) -> None:
    base, adapter = untrained(), moved(kind, untrained())
    frozen = {name: value.clone() for name, value in base.weights.items()}
    after, steps = adapt(base, adapter, examples(), Schedule(1e-2, 2), Work(), 0)
    assert steps == 2
    changed = {
        name
        for name, value in adapter.weights.items()
        if not torch.equal(value, after.weights[name])
    }
    assert changed <= set(adapter.trained)
    # A gain or a bias of keys may well have no gradient at all; most weights have one.
    assert len(changed) >= 0.7 * len(adapter.trained)
    assert all(torch.equal(frozen[name], base.weights[name]) for name in frozen)
    assert all(value.grad is None for value in base.weights.values())


@pytest.mark.parametrize("kind", sorted(COUNTS))
def test_trained_numbers_are_those_of_the_formulas(kind: str) -> None:
    assert fresh(kind, untrained()).trained_parameters == COUNTS[kind]


@pytest.mark.parametrize("kind", ["full", "scratch"])
def test_fine_tuning_trains_every_number_of_the_base(kind: str) -> None:
    base = untrained()
    assert fresh(kind, base).trained_parameters == base.parameters


def test_no_method_but_fine_tuning_trains_the_weight_of_the_head() -> None:
    """A head that is trained in some arms only would decide the comparison."""
    base = untrained()
    with_head = {kind for kind in KINDS if "own.head" in fresh(kind, base).trained}
    assert with_head == {"full", "scratch"}


def test_a_prompt_is_cut_off_and_leaves_the_words_where_they_were() -> None:
    base = untrained()
    said = forward(step(base), moved("prompt", base))
    assert said.shape == forward(step(base), NOTHING).shape
    assert not torch.allclose(said, forward(step(base), NOTHING), atol=1e-2)


def test_what_a_prompt_or_a_prefix_costs_is_on_the_meter() -> None:
    base = untrained()
    flops = {}
    for kind in ("prompt", "prefix", "bottleneck-16", "ia3"):
        run = step(base)
        forward(run, fresh(kind, base))
        flops[kind] = run.work.flops
    plain = step(base)
    forward(plain, NOTHING)
    assert flops["ia3"] == plain.work.flops
    assert flops["prompt"] > 2.5 * plain.work.flops
    assert flops["prefix"] > plain.work.flops
    assert flops["bottleneck-16"] > plain.work.flops


def test_entries_by_lot_are_as_many_as_biases_and_lie_all_over() -> None:
    base = untrained()
    adapter = fresh("random-mask", base)
    assert adapter.trained_parameters == fresh("bitfit", base).trained_parameters
    assert len(adapter.trained) > 12
    after = replace(adapter, weights={
        name: value if name == base_parts.LOT else torch.ones_like(value)
        for name, value in adapter.weights.items()
    })  # fmt: skip
    assert after.merge is not None
    moved_base = after.merge(after.weights, base)
    different = sum(
        int((moved_base.weights[name] != value).sum()) for name, value in base.weights.items()
    )
    assert different == 878


def test_from_scratch_knows_nothing_of_the_base() -> None:
    said = forward(step(untrained()), fresh("scratch", untrained()))
    other = forward(step(Base({name: value + 1 for name, value in untrained().weights.items()})),
                    fresh("scratch", untrained()))  # fmt: skip
    assert torch.equal(said, other)


@pytest.mark.parametrize("kind", SURVEY)
def test_a_recipe_trains_and_its_file_reads_as_it_was_trained(kind: str) -> None:
    recipe = replace(recipes()[f"{kind}-s0"], steps=4)
    base, nothing = untrained(), lambda done, steps: None
    trunk = None
    if recipe.trunk:
        trunk = pretrain.train(replace(recipes()[recipe.trunk], steps=4), base, nothing)
    weights = pretrain.train(recipe, base, nothing, trunk, rate=1e-3)
    own = {name: value for name, value in weights.items() if not name.startswith(HISTORY)}
    read = tuning_kinds.read(kind, own)
    assert read.trained_parameters > 0
    said = forward(step(base), read)
    assert torch.isfinite(said).all()
    assert weights["history.pretraining_steps"] == 4


def test_five_trainings_of_each_kind_ship_in_less_than_a_megabyte() -> None:
    names = {f"{kind}-s{seed}" for kind in SURVEY for seed in range(5)}
    files = {path.stem: path.stat().st_size for path in pretrained.FOLDER.glob("*-s?.safetensors")}
    assert names <= files.keys()
    assert sum(files[name] for name in names) < 1_000_000


@pytest.mark.parametrize("seed", range(5))
def test_ranks_of_adalora_are_as_many_as_loras_and_dealt_by_lot_to_other_sites(seed: int) -> None:
    ranks = []
    for kind in ("adalora", tuning_kinds.RANDOM_RANKS):
        weights = pretrained.restored(f"{kind}-s{seed}")
        own = {name: value for name, value in weights.items() if not name.startswith(HISTORY)}
        ranks.append(rank_allocation.ranks_of(tuning_kinds.read(kind, own).weights))
    assert sorted(ranks[0].values()) == sorted(ranks[1].values())
    assert sum(ranks[0].values()) == rank_allocation.LAST * len(SITES)
    assert ranks[0] != ranks[1]


def test_a_merge_that_says_something_else_is_refused() -> None:
    base = untrained()
    wrong = replace(moved("lora", base), merge=lambda weights, base: base)
    with pytest.raises(MethodContractError, match="says something else"):
        footprint.reading(base, wrong, examples().tokens, lambda: 0.0)
