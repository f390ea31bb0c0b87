"""A core is left to others, and torch is given back as it was."""

import pytest
import torch

from adabench.workloads.shared.language_model.backends.torch_threads import one_core_spare, spared


@pytest.mark.parametrize(
    ("threads", "cores", "used"), [(2, 2, 1), (1, 1, 1), (16, 16, 15), (4, 16, 4), (1, 16, 1)]
)
def test_one_core_is_left_and_nothing_is_added(threads, cores, used):
    assert spared(threads, cores) == used


def test_torch_is_given_back_as_it_was():
    before = torch.get_num_threads()
    with pytest.raises(KeyError), one_core_spare():
        assert torch.get_num_threads() <= before
        raise KeyError
    assert torch.get_num_threads() == before
