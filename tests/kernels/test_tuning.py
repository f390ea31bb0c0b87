"""The tuner around the kernels, driven through the interpreter with a benchmark that only counts."""

from functools import cache, partial

import pytest
import torch

from adabench.kernels import gathered_mlp, grouped_matmul

pytestmark = pytest.mark.usefixtures("interpreter")


@pytest.fixture
def trials(monkeypatch):
    """Sends launches through the tuner; returns the list of trials it made."""
    from adabench.kernels import triton_kernels

    made: list[object] = []
    plain = triton_kernels._tuned.__wrapped__

    @cache
    def tuned(kernel, described, restored):
        tuner = plain(kernel, described, restored)

        def bench(call, quantiles):
            del quantiles
            made.append(kernel)
            call()
            return [float(len(made))] * 3

        tuner._do_bench = bench
        return tuner

    monkeypatch.setattr(triton_kernels, "_tuned", tuned)
    monkeypatch.setattr(triton_kernels, "SHAPES", ((16, 16, 16, 4, 2), (16, 32, 32, 4, 2)))
    monkeypatch.setattr(triton_kernels, "_interpreted", lambda: False)
    return made


def mlp():
    draw = partial(torch.randn, generator=torch.Generator().manual_seed(3))
    rows = torch.randperm(40, generator=torch.Generator().manual_seed(3))[:19]
    return draw(40, 32), draw(40, 32), rows, draw(128, 32), draw(32, 64)


@pytest.mark.parametrize("described", [False, True])
def test_trials_do_not_add_to_the_stream(trials, described):
    from adabench.kernels import triton_kernels

    stream, *rest = mlp()
    found = triton_kernels.gated_mlp_add_(stream.clone(), *rest, described=described)
    assert len(trials) == 4  # two kernels, two configurations each
    assert torch.allclose(
        found, gathered_mlp.gated_reference_(stream.clone(), *rest), rtol=1e-4, atol=1e-4
    )


def test_another_number_of_rows_below_the_same_power_of_two_is_not_tuned_again(trials):
    from adabench.kernels import triton_kernels

    stream, x, rows, *weights = mlp()
    for active in (17, 18, 19):
        found = triton_kernels.gated_mlp_add_(stream.clone(), x, rows[:active], *weights)
        wanted = gathered_mlp.gated_reference_(stream.clone(), x, rows[:active], *weights)
        assert torch.allclose(found, wanted, rtol=1e-4, atol=1e-4)
    assert len(trials) == 4
    triton_kernels.gated_mlp_add_(stream.clone(), x, rows[:9], *weights)
    assert len(trials) == 8


def test_grouped_products_are_tuned_too(trials):
    from adabench.kernels import triton_kernels

    drawn = torch.Generator().manual_seed(4)
    x, weights = (torch.randn(size, generator=drawn) for size in ((30, 32), (4, 24, 32)))
    choice = torch.randint(3, (30,), generator=drawn)
    found = triton_kernels.grouped(x, choice, weights)
    assert len(trials) == 2
    assert torch.allclose(found, grouped_matmul.reference(x, choice, weights), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("bound", [1, 2, 16, 64, 512, 1024, 4096, 2**20])
@pytest.mark.parametrize("groups", [1, 7, 4096])
def test_some_configuration_is_left_for_every_size(bound, groups):
    from adabench.kernels import triton_kernels

    of = {"bound": bound, "groups": groups}
    tuner = triton_kernels._tuned.__wrapped__(triton_kernels._up_kernel, False, ())
    heights = [c.kwargs["BLOCK_M"] for c in triton_kernels._fitting(tuner.configs, of)]
    assert heights
    assert max(heights) <= max(16, bound // groups)
