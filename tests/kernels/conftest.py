"""Triton on the CPU: its interpreter, which triton is imported for before any test runs.

On a machine with a CUDA device the kernels are compiled instead and the tests marked `gpu` run
the same cases; a process can't do both, for triton decides when it is imported. Apart from that
import, the interpreter is asked for in the tests that use it alone.
"""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

INTERPRETED = not torch.cuda.is_available()
SWITCH = ("TRITON_INTERPRET", "1")
if INTERPRETED and importlib.util.find_spec("triton"):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(*SWITCH)
        importlib.import_module("triton.language")
        importlib.import_module("adabench.kernels.triton_kernels")


@pytest.fixture
def interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter, able to multiply bfloat16.

    numpy has no bfloat16: the interpreter keeps such values as bits and would multiply those
    as whole numbers. Widening to float32 first is exact, and so is the product of two.
    """
    if not INTERPRETED:
        pytest.skip("a CUDA device is here: the tests marked gpu run these cases compiled")
    pytest.importorskip("triton", reason="the extra adabench[kernels] is not installed")
    import numpy as np
    import triton.language as tl
    from triton.runtime.interpreter import InterpreterBuilder, TensorHandle

    monkeypatch.setenv(*SWITCH)
    plain = InterpreterBuilder.create_dot

    def widened(handle):
        if handle.dtype.scalar is not tl.bfloat16 and handle.dtype.scalar != tl.bfloat16:
            return handle
        return TensorHandle((handle.data.astype(np.uint32) << 16).view(np.float32), tl.float32)

    monkeypatch.setattr(
        InterpreterBuilder, "create_dot",
        lambda self, a, b, *rest: plain(self, widened(a), widened(b), *rest),
    )  # fmt: skip


@pytest.fixture
def cuda() -> str:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    pytest.importorskip("triton", reason="the extra adabench[kernels] is not installed")
    return "cuda"


@pytest.fixture(scope="session")
def benchmark_module() -> ModuleType:
    """benchmarks/kernels.py, which is a script and in no package."""
    path = Path(__file__).parents[2] / "benchmarks" / "kernels.py"
    spec = importlib.util.spec_from_file_location("benchmark_kernels", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
