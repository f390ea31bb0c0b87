"""Differences in bytes: what comes back is near what was stored, and a file of them is half as large."""

import torch

from adabench.workloads.agents.substrate.weight_differences import LEVELS, added, packed


def weights(seed, scale):
    draws = torch.Generator().manual_seed(seed)
    return {
        "matrix": scale * torch.randn(24, 16, generator=draws),
        "vector": scale * torch.randn(16, generator=draws),
    }


def test_what_is_added_to_the_base_is_near_what_was_trained():
    base, step = weights(0, 1.0), weights(1, 0.01)
    after = {name: base[name] + step[name] for name in base}
    back = added(base, packed(after, base))
    for name, trained in after.items():
        most = step[name].abs().max() / LEVELS
        assert (back[name] - trained).abs().max() <= 0.51 * most + 1e-6
        assert not torch.equal(back[name], base[name])


def test_a_policy_that_did_not_change_comes_back_as_it_was():
    base = weights(0, 1.0)
    back = added(base, packed(base, base))
    assert all(torch.equal(back[name], base[name]) for name in base)


def test_a_matrix_takes_a_byte_a_weight():
    file = packed(weights(1, 1.0), weights(0, 1.0))
    assert file["matrix"].dtype == torch.int8
