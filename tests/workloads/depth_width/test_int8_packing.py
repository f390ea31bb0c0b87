"""Eight-bit checkpoints: half the bytes, nearly the same weights, and old files read as they were."""

import torch

from adabench.workloads.depth_width.substrate import int8_packing


def weights() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(6, 50, generator=generator)
    matrix[2] = 0
    return {
        "matrix": matrix,
        "bias": torch.randn(6, generator=generator),
        "none": torch.empty(0, 5),
    }


def test_a_row_is_off_by_half_a_step_at_most() -> None:
    before = weights()
    after = int8_packing.unpacked(int8_packing.packed(before))
    assert after.keys() == before.keys()
    step = before["matrix"].abs().amax(1, keepdim=True) / int8_packing.LEVELS
    assert bool(((after["matrix"] - before["matrix"]).abs() <= 0.6 * step).all())
    assert torch.equal(after["matrix"][2], torch.zeros(50))
    torch.testing.assert_close(after["bias"], before["bias"], atol=2e-3, rtol=0)
    assert after["none"].shape == (0, 5)


def test_packing_again_changes_nothing() -> None:
    once = int8_packing.unpacked(int8_packing.packed(weights()))
    again = int8_packing.unpacked(int8_packing.packed(once))
    assert all(torch.allclose(once[key], again[key], atol=1e-6) for key in once)


def test_matrices_are_bytes() -> None:
    found = int8_packing.packed(weights())
    assert found["matrix"].dtype == torch.int8
    assert found["matrix:scale"].shape == (6, 1)


def test_a_file_in_fp16_is_read_as_it_is() -> None:
    half = {key: value.half() for key, value in weights().items()}
    read = int8_packing.unpacked(half)
    assert all(torch.equal(read[key], half[key].float()) for key in half)
