"""The draw task: prompts that no training saw, networks that are really smaller, and what is scored of them."""

from typing import Any

import pytest
import torch

from adabench.harness.contract import registry
from adabench.harness.errors import EnvironmentProblem, MethodContractError, SelectionError
from adabench.workloads.depth_width.draw import task as draw
from adabench.workloads.depth_width.draw.substrate import prompted_pictures
from adabench.workloads.depth_width.draw.substrate.gated_unet import INNER, multiplications
from adabench.workloads.depth_width.draw.substrate.prompted_pictures import (
    encode,
    glyph_prompts,
    words,
)
from adabench.workloads.depth_width.draw.truth.picture_scoring import (
    entropy_share,
    rank_correlation,
    recognised,
    spread,
)


@pytest.fixture(scope="module")
def small() -> draw.DrawTask:
    return draw.load("embedded", 0, sets=1, prompts=16, steps=4)


def scored(task: draw.DrawTask, name: str) -> dict[str, float]:
    """Return what a method scores on the one case."""
    entry = registry.find(f"draw/{name}")
    method = registry.load(entry)
    point: dict[str, Any] = {**entry.card.fixed, **entry.card.defaults}
    (case,) = task.cases()
    task.meter.clear()
    state = method.prepare(task.bench, point, 0) if hasattr(method, "prepare") else task
    return dict(task.score(case, method.solve(state, case, point)))


def test_prompts_of_splits_are_all_and_none_twice() -> None:
    parts = [glyph_prompts(split) for split in ("train", "calibration", "test")]
    every = [prompt for part in parts for prompt in part]
    assert len(every) == len(set(every)) == len(prompted_pictures.CHARACTERS) * 12
    assert [len(part) for part in parts] == [216, 24, 48]


@pytest.mark.parametrize("character", ["A", "W", "@", ".", "%"])
def test_glyphs_lie_within_their_pictures_and_differ_by_style(character: str) -> None:
    styles = [
        (character, f, w, s)
        for f in ("sans", "serif", "mono")
        for w in ("regular", "bold")
        for s in ("upright", "slanted")
    ]
    images = prompted_pictures.shifted(styles, torch.zeros(12, 2, dtype=torch.long).numpy())
    assert images.amax((1, 2)).min() > -0.5  # ink
    border = torch.cat((images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]), 1)
    assert float((border > 0.9).float().mean()) < 0.1
    assert len({image.numpy().tobytes() for image in images}) >= 10


def test_a_prompt_has_no_order_and_no_unknown_word() -> None:
    one, two = encode([("A", "serif", "bold", "upright"), ("bold", "A", "upright", "serif")])
    assert torch.allclose(one, two, atol=1e-6)
    assert float(one.norm()) == pytest.approx(1.0)
    with pytest.raises(SelectionError, match="shows 'Ж'"):
        encode([("Ж", "serif", "bold", "upright")])
    with pytest.raises(SelectionError, match="no words"):
        encode([()])


def test_busyness_is_no_word_of_any_prompt() -> None:
    for source in ("glyphs", "digits", "fashion"):
        assert not {"busy", "plain", "hard", "easy"} & set(words(source))


def test_a_source_that_there_is_not_is_refused() -> None:
    with pytest.raises(SelectionError, match="no pictures called 'faces'"):
        draw.load("embedded", 0, data="faces")


def test_a_font_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(prompted_pictures.FAMILIES, "script", "NoSuchFont")
    with pytest.raises(EnvironmentProblem, match=r"NoSuchFont\.ttf is not among"):
        prompted_pictures._font("script", "regular", "upright")


def test_clothes_that_are_not_installed_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(prompted_pictures, "FASHION", tmp_path)
    prompted_pictures._photographs.cache_clear()
    with pytest.raises(EnvironmentProblem, match="dataset-fashion-mnist"):
        draw.load("embedded", 0, data="fashion")


def test_digits_say_class_and_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn")
    task = draw.load("embedded", 0, data="digits", sets=1, prompts=8)
    (case,) = task.cases()
    assert case.noisy.shape == (8, draw.NOISES, 8, 8)
    assert all(prompt[0].startswith("digit-") for prompt in case.prompts)


def test_a_case_has_no_picture_and_the_bench_knows_none(small: draw.DrawTask) -> None:
    (case,) = small.cases()
    assert set(vars(case)) == {"index", "prompts", "noisy", "times", "start"}
    assert not hasattr(small.substrate(), "known")
    assert case.times.min() >= 0.02


def test_pruned_networks_cost_half_and_equally_much(small: draw.DrawTask) -> None:
    whole, single = scored(small, "whole"), scored(small, "single")
    assert whole["multiplications"] == multiplications(INNER, 12)
    assert 0.45 < single["multiplications"] / whole["multiplications"] < 0.55
    assert single["parameters"] < whole["parameters"]
    assert single["denoise_error"] > whole["denoise_error"]
    assert whole["denoise_error"] < 0.4


def test_all_networks_that_may_draw_are_in_the_bill(small: draw.DrawTask) -> None:
    single, aptp = scored(small, "single"), scored(small, "aptp")
    assert aptp["parameters"] > 3 * single["parameters"]
    assert aptp["batches"] <= 4
    assert 0.0 <= aptp["code_entropy"] <= 1.0


def test_curves_are_of_trainings_that_have_them(small: draw.DrawTask) -> None:
    names = {"error_100", "error_300", "error_1000"}
    assert names <= set(scored(small, "aptp"))
    assert not names & set(scored(small, "whole"))


def test_a_network_a_prompt_is_a_batch_a_prompt(small: draw.DrawTask) -> None:
    assert scored(small, "per_sample")["batches"] == 16


def test_lots_use_the_same_architectures(small: draw.DrawTask) -> None:
    networks = {name: small.bench.networks(name) for name in ("aptp", "random_codes")}
    each = [[one.model.hidden for one in own] for own in networks.values()]
    assert each[0] == each[1]


def test_drawn_pictures_show_more_than_noise(small: draw.DrawTask) -> None:
    (case,) = small.cases()
    drawn = scored(draw.load("embedded", 0, sets=1, prompts=16, steps=10), "whole")
    noise = recognised(torch.from_numpy(case.start), case.prompts, "glyphs")
    assert drawn["recognised"] > noise + 0.5


def test_a_target_is_recognised(small: draw.DrawTask) -> None:
    assert recognised(small.known[0].images, small.known[0].prompts, "glyphs") > 0.7


def test_permuted_words_change_nothing_and_permuted_prompts_do(small: draw.DrawTask) -> None:
    (case,) = small.cases()
    (network,) = small.bench.networks("whole")
    z = small.bench.vectors(case)
    x, t = torch.from_numpy(case.noisy[:, 4]), torch.from_numpy(case.times[:, 4])
    turned = encode([prompt[::-1] for prompt in case.prompts])
    own = network.model.velocity(x, t, z)
    assert torch.allclose(own, network.model.velocity(x, t, turned), atol=1e-4)
    assert float((own - network.model.velocity(x, t, z.roll(1, 0))).abs().max()) > 0.1


def test_foreign_networks_and_changed_answers_are_refused(small: draw.DrawTask) -> None:
    (case,) = small.cases()
    other = draw.load("embedded", 0, sets=1, prompts=16, steps=4).bench.networks("whole")[0]
    small.meter.clear()
    with pytest.raises(MethodContractError, match="a network of this bench for each prompt"):
        small.bench.draw(case, [other] * 16)
    (network,) = small.bench.networks("whole")
    with pytest.raises(MethodContractError, match="16 prompts got 3"):
        small.bench.draw(case, [network] * 3)
    answer = small.bench.draw(case, [network] * 16)
    answer.velocity[0] = 0.0
    with pytest.raises(MethodContractError, match="not drawn by this bench"):
        small.score(case, answer)


def test_spread_tells_what_similar_prompts_share() -> None:
    prompts = [
        ("a", "sans", "bold"),
        ("a", "sans", "regular"),
        ("b", "mono", "bold"),
        ("b", "mono", "regular"),
    ]
    assert spread(prompts, (0, 0, 1, 1), 2) == {
        "code_entropy": pytest.approx(1.0),
        "agreement": 1.0,
    }
    assert spread(prompts, (0, 1, 0, 1), 2)["agreement"] == -0.5
    assert spread(prompts, (0, 0, 0, 0), 1) == {}


@pytest.mark.parametrize(
    ("a", "b", "found"), [([1, 2, 3], [5, 6, 9], 1.0), ([1, 2, 2], [3, 1, 1], -1.0)]
)
def test_ranks_correlate(a: list[float], b: list[float], found: float) -> None:
    assert rank_correlation(a, b) == pytest.approx(found)


def test_what_does_not_vary_has_no_rank(small: draw.DrawTask) -> None:
    assert rank_correlation([1.0, 1.0], [1.0, 2.0]) != rank_correlation(
        [1.0, 1.0], [1.0, 2.0]
    )  # nan
    assert "rank_busy" not in scored(small, "single")


@pytest.mark.parametrize(
    ("counts", "share"), [([8, 8, 8, 8], 1.0), ([32, 0, 0, 0], 0.0), ([5], 0.0)]
)
def test_entropy_is_a_share_of_the_most(counts: list[int], share: float) -> None:
    assert entropy_share(torch.tensor(counts)) == pytest.approx(share)
