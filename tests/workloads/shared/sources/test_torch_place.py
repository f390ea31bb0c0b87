"""Devices and number formats by their words."""

import pytest
import torch

from adabench.harness.errors import DeviceUnavailable, SelectionError
from adabench.workloads.shared.sources.torch_place import torch_device, torch_dtype


def test_devices_are_named_as_torch_names_them(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert torch_device(None) == torch_device("cpu") == torch.device("cpu")
    assert torch_device("cuda") == torch.device("cuda", 0)
    assert torch_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(DeviceUnavailable, match=r"cuda:2 is not here: .* sees 2 GPUs"):
        torch_device("cuda:2")
    for word in ("gpu", "cuda:", "cuda:x", "mps"):
        with pytest.raises(SelectionError, match="is no device"):
            torch_device(word)


def test_numbers_are_as_wide_as_their_device_likes(monkeypatch):
    assert torch_dtype(None, None) == torch_dtype(None, "cpu") == torch.float32
    assert torch_dtype(None, "cuda:1") == torch.bfloat16
    assert torch_dtype("float16", "cpu") == torch.float16
    with pytest.raises(SelectionError, match="'bfloat' is no number format") as caught:
        torch_dtype("bfloat", None)
    assert "bfloat16" in caught.value.hint
