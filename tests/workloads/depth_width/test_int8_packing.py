"""Eight-bit checkpoints: half the bytes, nearly the same weights, and old files read as they were."""

from pathlib import Path

import pytest
import torch

from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.shared.training import int8_packing


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


def test_two_weights_of_seven_levels_share_a_byte_and_nothing_is_lost() -> None:
    before = {**weights(), "odd": torch.linspace(-1, 1, 15).reshape(3, 5)}
    single = int8_packing.packed(before, int8_packing.PAIRED_LEVELS)
    pairs = int8_packing.paired(single)
    assert pairs["matrix:pairs"].shape == (6, 25)
    assert pairs["matrix:pairs"].dtype == torch.uint8
    for files in (pairs, {key: value.float() for key, value in pairs.items()}):
        after = int8_packing.unpacked(files)
        assert after.keys() == before.keys()
        for key, value in int8_packing.unpacked(single).items():
            assert torch.equal(after[key], value)


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


def test_a_reference_changes_what_is_stored_and_nothing_that_is_read() -> None:
    """Differences wrap around: a matrix may lie anywhere, its reference too."""
    wanted = weights()
    for near in (0.01, 1.0, 100.0):
        noise = torch.Generator().manual_seed(2)
        matrix = wanted["matrix"] + near * torch.randn(6, 50, generator=noise)
        reference = {"matrix": matrix, "bias": torch.zeros(3)}
        packed = int8_packing.packed(wanted, reference=reference)
        read = int8_packing.unpacked(packed, reference=reference)
        plain = int8_packing.unpacked(int8_packing.packed(wanted))
        assert all(torch.equal(read[key], plain[key]) for key in plain)
    close = int8_packing.packed(wanted, reference=wanted)
    assert int(close["matrix"].abs().max()) == 0, "nothing is left of what the reference has"


def test_fewer_levels_are_coarser_and_none_are_halves() -> None:
    before = weights()
    few = int8_packing.packed(before, 31)
    assert int(few["matrix"].abs().max()) == 31
    halves = int8_packing.packed(before, int8_packing.HALVES)
    assert {key: value.dtype for key, value in halves.items()} == dict.fromkeys(
        before, torch.float16
    )


def test_one_row_stays_in_half_precision_and_whole_numbers_as_they_are() -> None:
    found = int8_packing.packed({"router": torch.randn(1, 9), "order": torch.arange(5)})
    assert found["router"].dtype == torch.float16
    assert torch.equal(found["order"], torch.arange(5))


def test_a_file_is_refused_if_its_reference_has_changed(tmp_path: Path) -> None:
    path = tmp_path / f"x{checkpoints.SUFFIX}"
    reference = {"matrix": torch.ones(6, 50)}
    checkpoints.write(weights(), path, reference=reference)
    checkpoints.read(path, reference=reference)
    for other in (None, {"matrix": torch.zeros(6, 50)}):
        with pytest.raises(EnvironmentProblem, match="have changed") as refused:
            checkpoints.read(path, reference=other)
        assert "adabench train x" in refused.value.hint


def test_the_same_weights_are_the_same_bytes(tmp_path: Path) -> None:
    one, two = (tmp_path / f"{name}{checkpoints.SUFFIX}" for name in ("one", "two"))
    for path in (one, two):
        checkpoints.write(weights(), path)
    assert one.read_bytes() == two.read_bytes()
    assert checkpoints.read(one).keys() == weights().keys()
