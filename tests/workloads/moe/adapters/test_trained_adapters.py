"""What ships: five trainings of each kind, scored as they ship, and what they must show of themselves."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.moe.adapters.methods import mhr, poly_rand
from adabench.workloads.moe.adapters.recipes import recipes
from adabench.workloads.moe.adapters.substrate import inventory, pretrained
from adabench.workloads.moe.adapters.substrate.adapter import NOTHING, Adapter
from adabench.workloads.moe.adapters.substrate.forward_pass import Work
from adabench.workloads.moe.adapters.substrate.low_rank import lora
from adabench.workloads.moe.adapters.substrate.workbench import Workbench
from adabench.workloads.moe.adapters.training import pretrain
from adabench.workloads.moe.adapters.training.pretrain import Lesson, accuracy, fresh, probe
from adabench.workloads.shared.training import weight_packing
from tests.workloads.moe.adapters.benches import generator, untrained

SHIPPED = (
    "lora-4", "lora-32", "lora-36", "poly", "mhr", "mhr-mu", "mhr-shuffled", "mola", "mola-random",
    "dynmole", "dynmole-plain",
)  # fmt: skip
"""Of MHR and DynMoLE and their rivals; other kinds are made into the user's cache."""
SHIPPED_TRAININGS = 5
MOST_BYTES = 3_500_000
"""Of all files of the task."""
LOSS = 0.01
"""Of answers right, what a file may have lost by its few bits."""
MHR = {**mhr.CARD.defaults, **mhr.CARD.fixed}
ROWS_ALONE = {**MHR, "trains": "rows"}


def card(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((pretrained.FOLDER / f"{name}.json").read_text("utf-8"))
    return found


def held_out(kind: str, name: str) -> list[float]:
    return [card(f"{kind}-s{seed}")["held_out"][name] for seed in range(SHIPPED_TRAININGS)]


@pytest.mark.parametrize("kind", SHIPPED)
def test_five_trainings_ship(kind: str) -> None:
    for seed in range(SHIPPED_TRAININGS):
        assert (pretrained.FOLDER / f"{kind}-s{seed}.safetensors").exists()


def test_all_files_of_the_task_are_small() -> None:
    assert sum(path.stat().st_size for path in pretrained.FOLDER.iterdir()) < MOST_BYTES


def test_files_answer_as_the_trainings_did() -> None:
    """In whole numbers of few bits, as they ship, and in single precision, as they were trained."""
    for path in pretrained.FOLDER.glob("*-s?.json"):
        scored = card(path.stem)["held_out"]
        if "accuracy_pretrained" not in scored:
            continue  # a training on text
        assert scored["accuracy"] >= scored["accuracy_pretrained"] - LOSS, path.stem


def test_mhr_has_learned_more_than_polytropon_in_each_training() -> None:
    for one, other in zip(held_out("mhr", "accuracy"), held_out("poly", "accuracy"), strict=True):
        assert one > other


def test_dynmole_runs_fewer_experts_as_it_learns_but_more_than_two() -> None:
    first, last = held_out("dynmole", "active_first"), held_out("dynmole", "active_last")
    for before, after in zip(first, last, strict=True):
        assert 2 < after < before <= 8


def test_compared_trainings_took_equal_steps() -> None:
    for kind in SHIPPED:
        wanted = recipes()[f"{kind}-s0"].steps
        assert {*held_out(kind, "pretraining_steps")} == {wanted}
        assert wanted == pretrained.STEPS or kind == "mhr-mu"


@pytest.mark.parametrize("kind", ["poly", "mhr"])
def test_mixtures_have_left_the_even_one(kind: str) -> None:
    assert max(held_out(kind, "routing_entropy")) < 0.97


@pytest.mark.parametrize("kind", ["poly", "mhr"])
def test_permuting_the_ids_of_tasks_costs_the_gain(kind: str) -> None:
    """The rows of Z are those of other tasks then; nothing else is changed."""
    bench = Workbench(0)
    base, weights = bench.base(), bench.pretrained(kind)
    order = torch.randperm(48, generator=generator(11))
    permuted = weights | {"z.all": weights["z.all"][:, order]}
    own, other = (
        accuracy(base, inventory.inventory(one), "named", Work()) for one in (weights, permuted)
    )
    bare = accuracy(base, NOTHING, "named", Work())
    mean = accuracy(base, lora(inventory.mean_adapter(weights)), "named", Work())
    assert other - bare < 0.5 * (own - bare)
    assert other < mean + 0.1


def test_the_base_alone_answers_the_tasks_by_chance() -> None:
    """Instructions that it knows would be learned without an adapter."""
    for naming in ("named", "hidden"):
        assert accuracy(Workbench(0).base(), NOTHING, naming, Work()) < 0.2


def test_a_row_of_a_new_task_is_none_of_a_training_task() -> None:
    adapter = mhr.prepare(Workbench(0), ROWS_ALONE, 0).adapter
    row = adapter.weights[inventory.NEW_ROWS]
    assert float(row.abs().max()) <= inventory.SMALL
    assert float(adapter.weights[inventory.ROWS].abs().mean()) > 100 * inventory.SMALL


def test_mhr_z_trains_at_most_a_twentieth_and_moves_no_adapter() -> None:
    whole, rows = (mhr.prepare(Workbench(0), point, 0).adapter for point in (MHR, ROWS_ALONE))
    assert rows.trained_parameters <= 0.05 * whole.trained_parameters
    assert all(name.startswith("z_new.") for name in rows.trained)


def test_rows_by_lot_are_as_far_from_even_as_trained_ones_and_others() -> None:
    bench = Workbench(0)
    lots = poly_rand.prepare(bench, {}, 0).adapter.weights
    rows, trained = lots[inventory.ROWS], bench.pretrained("poly")[inventory.ROWS]
    assert float(rows.std()) == pytest.approx(float(trained.std()), rel=0.05)
    assert inventory.entropy(lots) < 0.97
    together = torch.corrcoef(torch.stack([rows.flatten(), trained.flatten()]))[0, 1]
    assert abs(float(together)) < 0.1


def test_random_polytropon_is_below_polytropon() -> None:
    bench = Workbench(0)
    own = inventory.inventory(bench.pretrained("poly"))
    by_lot = poly_rand.prepare(bench, {}, 0).adapter
    accuracies = [accuracy(bench.base(), one, "named", Work()) for one in (own, by_lot)]
    assert accuracies[0] > accuracies[1] + 0.1


def test_ids_by_lot_are_others_in_each_batch() -> None:
    """One fixed permutation would only be other names."""
    recipe = recipes()["mhr-shuffled-s0"]
    adapter = fresh(recipe.kind, generator())
    lesson = Lesson(recipe, untrained(), adapter, lambda done, steps: None)
    batch = probe("named")
    first, second = lesson.ids(batch), lesson.ids(batch)
    assert (first == second).mean() < 0.2
    assert len(np.unique(first[batch.tasks == 0])) > 1
    own = Lesson(recipes()["mhr-s0"], untrained(), adapter, lambda done, steps: None)
    assert np.array_equal(own.ids(batch), batch.tasks)


def test_a_training_by_time_is_looked_at_before_and_after(monkeypatch: pytest.MonkeyPatch) -> None:
    def follow(adapter: Adapter, loss: Callable[[int], Tensor], schedule: object) -> int:
        for step in range(3):
            loss(step)
        for name, weight in adapter.trained.items():
            if name.startswith("gate."):
                weight.data *= 1000  # routers that are certain run two experts
        return 3

    monkeypatch.setattr(pretrain, "follow", follow)
    recipe = recipes()["dynmole-seconds-s0"]
    made = pretrain.train(recipe, untrained(), lambda done, steps: None)
    found = {name.removeprefix("history."): float(value.sum()) for name, value in made.items()}
    assert found["active_first"] > found["active_last"]
    assert found["active_fall"] == pytest.approx(found["active_first"] - found["active_last"])
    assert not {"steps_to_50", "gradient_cosine"} & set(found)


def test_an_untrained_base_is_refused(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "adapters" / "checkpoints"
    folder.mkdir(parents=True)
    save_file(weight_packing.packed(untrained().weights, 0), folder / "base.safetensors")
    monkeypatch.setattr(pretrained, "FOLDER", folder)
    pretrained.forget()
    try:
        with pytest.raises(EnvironmentProblem, match="was not trained") as raised:
            Workbench(0).base()
        assert "adabench train base" in raised.value.hint
    finally:
        pretrained.forget()
