"""What the compiler makes of the kernels for GPUs that are not here.

No timing, but the difference between a fast kernel and a slow one is mostly visible: matrix
instructions, asynchronous loads of 16 bytes, weights by TMA, no spilling, shared memory that fits.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SHARED_BYTES = {80: 163 * 1024, 90: 227 * 1024}
"""What a block may have; CUDA programming guide, technical specifications by capability."""
A_FEW_REGISTERS_BYTES = 64
"""erf holds some values while the whole accumulator is live; once per tile, after the loop."""


def compiled(capability: int, shapes: int, cache: Path) -> list[dict[str, int]]:
    pytest.importorskip("triton", reason="the extra adabench[kernels] is not installed")
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-P", Path(__file__).with_name("compile_for.py"), str(capability),
         str(shapes)],
        env={**environment, "TRITON_CACHE_DIR": str(cache)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: list[dict[str, int]] = json.loads(done.stdout.splitlines()[-1])
    return found


def assert_fast(found: list[dict[str, int]], capability: int) -> None:
    assert {row["kernel"] for row in found} == {"up", "down", "grouped"}
    for row in found:
        assert row["gathers_16_bytes"] > 0, row
        assert row["spilled_bytes"] <= A_FEW_REGISTERS_BYTES, row
        assert row["shared"] <= SHARED_BYTES[capability], row
        if capability >= 90:
            assert row["tma_loads"] > 0, row
        assert row["wgmma"] > 0 or row["mma"] > 0, row


def test_the_large_tile_uses_what_hopper_has(tmp_path):
    found = compiled(90, 1, tmp_path)
    assert_fast(found, 90)
    assert all(row["wgmma"] for row in found)


@pytest.mark.slow
@pytest.mark.parametrize("capability", [80, 90])
def test_every_configuration_compiles_well(capability, tmp_path):
    assert_fast(compiled(capability, 10, tmp_path), capability)
