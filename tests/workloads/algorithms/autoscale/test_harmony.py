"""HARMONY's parts: densities, levels, quantiles, trainings, and the decision."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.stats import norm

from adabench.workloads.algorithms.autoscale.methods.harmony import (
    service_forecast,
    train_forecaster,
)
from adabench.workloads.algorithms.autoscale.methods.harmony.forecaster_recipe import (
    ForecastRecipe,
)
from adabench.workloads.algorithms.autoscale.methods.harmony.harmony import BayesianDecision
from adabench.workloads.algorithms.autoscale.methods.harmony.network import (
    MARKS,
    WINDOW,
    Forecaster,
    Gaussian,
    Inputs,
    standardised,
)
from adabench.workloads.algorithms.autoscale.recipes import recipes
from adabench.workloads.algorithms.autoscale.substrate.provisioning import QUANTILES, TARGETS
from adabench.workloads.algorithms.autoscale.task import load
from adabench.workloads.shared.training.checkpoints import code_digest
from adabench.workloads.shared.training.trainer import seeded, silent


def bent(flows: bool = True) -> Forecaster:
    """A network whose flow is no identity."""
    with seeded(0):
        network = Forecaster(flows)
        for coupling in network.couplings:
            torch.nn.init.normal_(coupling.net[2].weight, std=0.3)
    return network.double().requires_grad_(False)


@pytest.mark.parametrize("indicators", [1, 2, 5])
def test_a_density_is_the_gaussians_by_the_numerical_derivative(indicators: int) -> None:
    network = bent()
    y = torch.randn(6, indicators, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    z, det = network.unbend(y)
    assert network.bend(z) == pytest.approx(y, abs=1e-9)
    step = 1e-5
    for row, found in zip(y, det, strict=True):
        ends = row + step * torch.stack((torch.eye(indicators), -torch.eye(indicators))).double()
        up, down = (network.unbend(end)[0] for end in ends)
        jacobian = (up - down) / (2 * step)
        assert found.item() == pytest.approx(torch.linalg.slogdet(jacobian)[1].item(), abs=1e-6)


def test_a_density_of_two_indicators_sums_to_one() -> None:
    network = bent()
    line = torch.linspace(-30, 30, 801, dtype=torch.float64)
    base = Gaussian(torch.tensor([0.3, -0.2]), torch.tensor([0.8, 1.1]))
    density = network.log_density(base, torch.cartesian_prod(line, line)).exp()
    mass = density.sum() * (line[1] - line[0]) ** 2
    assert mass.item() == pytest.approx(1.0, abs=1e-3)


def inputs(rows: int = 3, indicators: int = 5) -> Inputs:
    rng = np.random.default_rng(0)
    windows = rng.uniform(1, 2, (rows, WINDOW, indicators)).astype(np.float32)
    return standardised(windows, windows.std((0, 1)), np.arange(100, 100 + rows), 288)


def test_without_a_flow_quantiles_are_the_gaussians() -> None:
    network, given = bent(flows=False).float(), inputs()
    levels = torch.tensor([1, 2, 2, 3, 3])
    rows = network.quantiles(given, levels, QUANTILES)
    base = network(given.windows, given.marks, levels)
    mu, sigma = (part[:, -1:].numpy() for part in (base.mu, base.sigma))
    wanted = given.centre[:, -1:] + given.scale[:, -1:] * (mu + sigma * norm.ppf(QUANTILES))
    inside = QUANTILES < 0.996  # beyond, 256 samples end
    assert rows[:, inside] == pytest.approx(wanted[:, inside], abs=0.03)


def test_quantiles_rise_with_their_level() -> None:
    for indicators in (1, 5):
        rows = (
            bent()
            .float()
            .quantiles(
                inputs(indicators=indicators), torch.ones(indicators, dtype=torch.int64), QUANTILES
            )
        )
        assert (np.diff(rows[:, :20]) >= 0).all()
        assert (np.diff(rows[:, 20:]) >= 0).all()


def test_windows_are_read_alike_at_any_level_and_scale() -> None:
    windows = np.random.default_rng(0).uniform(1, 2, (2, WINDOW, 3)).astype(np.float32)
    ends = np.array([80, 90])
    one = standardised(windows, windows.std((0, 1)), ends, 288)
    other = standardised(5 + 40 * windows, 40 * windows.std((0, 1)), ends, 288)
    assert other.windows == pytest.approx(one.windows, abs=1e-3)
    assert one.marks.shape == (2, WINDOW, MARKS)
    assert (one.windows[:, -1] == 0).all()


def test_what_an_indicator_says_reaches_others_by_levels_alone() -> None:
    network, given = bent().float(), inputs()
    other = given.windows.clone()
    other[:, :, 4] += 1.0  # of the last level

    def mu(windows: torch.Tensor, levels: list[int]) -> torch.Tensor:
        return network(windows, given.marks, torch.tensor(levels)).mu

    moved = (mu(other, [1, 2, 2, 3, 3]) - mu(given.windows, [1, 2, 2, 3, 3])).abs().max(0)[0]
    assert (moved[:3] < 1e-6).all()  # lower levels attend before it
    assert (moved[3:] > 1e-4).all()
    flat = (mu(other, [1] * 5) - mu(given.windows, [1] * 5)).abs().max(0)[0]
    assert (flat > 1e-4).all()


def test_every_training_shuffles_levels_and_only_where_it_should() -> None:
    given = (1, 2, 2, 3, 3)
    for seed in range(5):
        assert train_forecaster.levels_of("flow", given, seed).tolist() == [*given]
        shuffled = train_forecaster.levels_of("shuffled", given, seed).tolist()
        assert shuffled != [*given]
        assert sorted(shuffled) == [*given]


@pytest.mark.parametrize("loss", ["flow", "released"])
def test_a_training_is_a_function_of_its_seed(loss, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(train_forecaster, "SERVICES", 1)
    plan = ForecastRecipe(f"{loss}-s0", loss, 0, steps=3)
    monkeypatch.setattr(
        "adabench.workloads.algorithms.autoscale.methods.harmony.forecaster_recipe.held_out",
        lambda plan, folder: {},
    )
    cards = [plan.build(silent, tmp_path / one) for one in "ab"]
    assert cards[0] == cards[1]
    first, second = ((tmp_path / one / f"{loss}-s0.safetensors").read_bytes() for one in "ab")
    assert first == second


def test_shipped_cards_are_of_these_sources_and_recipes_and_small() -> None:
    shipped = sorted(service_forecast.FOLDER.glob("*.json"))
    assert {path.stem for path in shipped} == {*recipes()}
    for path in shipped:
        card = json.loads(path.read_text())
        plan = recipes()[card["name"]]
        assert {name: card[name] for name in asdict(plan)} == asdict(plan)
        assert code_digest(train_forecaster) in (card["source"], card.get("same_as"))
    assert sum(path.stat().st_size for path in service_forecast.FOLDER.iterdir()) < 6e5


def test_a_run_names_the_one_training_that_its_seed_picks() -> None:
    for seed, training in ((0, 0), (7003, 3)):
        (case,) = load("embedded", seed, days=1, trace="calm").cases()
        assert service_forecast.training_seed("flow", case.seed) == training


@pytest.mark.slow
def test_a_shipped_checkpoint_is_trained_again_to_the_same_weights(tmp_path) -> None:
    recipes()["flow-s0"].build(silent, tmp_path)
    made, shipped = (
        load_file(folder / "flow-s0.safetensors")["weights"].float()
        for folder in (tmp_path, service_forecast.FOLDER)
    )
    assert made == pytest.approx(shipped, abs=0.05)


def test_a_tuned_network_fits_the_service_better(run) -> None:
    task = load("embedded", 0, days=1, trace="calm", delay=3)  # the networks are of a delay of 1
    plain, tuned = (run("fixed_target", task, epochs=epochs)[0]["crps"] for epochs in (0, 1))
    assert tuned < plain


def test_targets_fall_where_violations_are_surely_too_many_and_rise_where_too_few() -> None:
    dial, tail = np.array([0.01, 0.1]), norm.ppf(1 - TARGETS)
    for exceeds, rises in ((True, False), (False, True)):
        decision = BayesianDecision(dial, 0.0, adapts=True)
        before = decision.choose(tail)
        for _ in range(600):
            decision.learn(np.full(2, exceeds))
        assert ((decision.part > 1) == rises).all()
        assert ((decision.choose(tail) < before) == rises)[0]
    fixed = BayesianDecision(dial, 0.0, adapts=False)
    fixed.learn(np.full(2, True))
    assert fixed.part.tolist() == [1, 1]


def test_a_decision_is_the_least_expected_loss() -> None:
    """Against a search over capacities, with a cost of switching."""
    rng, eps, switch = np.random.default_rng(0), 0.05, 0.5
    loads = rng.gumbel(size=20_000)
    tail = np.quantile(loads, 1 - TARGETS)
    grid = np.linspace(0, 8, 1601)
    for before in (1.0, 3.3, 7.0):
        decision = BayesianDecision(np.array([eps]), switch, adapts=False)
        decision.before = np.array([before])
        low = np.quantile(loads, 1 - eps)
        loss = [
            eps * np.maximum(a - loads, 0).mean() + (1 - eps) * np.maximum(loads - a, 0).mean()
            + switch * eps * abs(a - before)
            for a in grid
        ]  # fmt: skip
        best = grid[grid >= low][int(np.argmin(np.array(loss)[grid >= low]))]
        assert decision.choose(tail)[0] == pytest.approx(best, abs=0.1)


def test_random_capacity_has_the_mean_and_variance_and_tells_nothing(values, run) -> None:
    task = load("embedded", 0, days=1, trace="calm")
    own, drawn = (values(name, task)["calm"] for name in ("fixed_target", "random_capacity"))
    assert drawn["overprovision_at_1pct"] > 2 * own["overprovision_at_1pct"]
    assert drawn["crps"] > 2 * own["crps"]
