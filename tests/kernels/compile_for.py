"""Compile every kernel for a GPU that need not be here, and print what came of it as JSON.

    python compile_for.py CAPABILITY NUMBER_OF_SHAPES

triton and its ptxas are enough to compile for any NVIDIA target; a process of its own, since
triton decides at import whether it compiles or interprets.
"""

import json
import re
import subprocess
import sys
import tempfile

import triton
from triton.backends.compiler import GPUTarget
from triton.backends.nvidia.compiler import get_ptxas
from triton.compiler import ASTSource

from adabench.kernels import triton_kernels

SCALARS = ("active", "bound", "N", "K", "groups", "ups")
KERNELS = {
    "up": (triton_kernels._up_kernel, {}),
    "down": (triton_kernels._down_kernel, {}),
    "grouped": (triton_kernels._grouped_kernel, {"GROUPS": 64}),
}
TWO_FIT = slice(2, 3)
"""The largest of `SHAPES` at which the registers hold two accumulators, a gate's and its own."""


def kind(name, constants):
    if name in constants:
        return "constexpr"
    if name == "b_tiles" and constants["DESCRIBED"]:
        return f"tensordesc<bf16[{constants['BLOCK_N']},{constants['BLOCK_K']}]>"
    if name in ("rows", "order", "counts"):
        return "*i64"
    return "i32" if name in SCALARS or name.startswith("stride") else "*bf16"


def compiled(kernel, constants, capability, warps, stages):
    names = kernel.arg_names
    signature = {name: kind(name, constants) for name in names}
    aligned = {
        (place,): [["tt.divisibility", 16]]
        for place, name in enumerate(names)
        if signature[name].startswith("*") or name in ("N", "K", "ups") or name.startswith("stride")
    }
    source = ASTSource(
        kernel, signature, {(names.index(k),): v for k, v in constants.items()}, aligned
    )
    return triton.compile(
        source,
        target=GPUTarget("cuda", capability, 32),
        options={"num_warps": warps, "num_stages": stages},
    )


def spilled_bytes(ptx, capability):
    suffix = "a" if capability >= 90 else ""
    with tempfile.NamedTemporaryFile("w", suffix=".ptx") as file:
        file.write(ptx)
        file.flush()
        done = subprocess.run(
            [get_ptxas(capability).path, "-v", f"--gpu-name=sm_{capability}{suffix}", file.name,
             "-o", "/dev/null"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr[:2000])
    return sum(map(int, re.findall(r"(\d+) bytes spill stores", done.stderr)))


def main():
    capability, number = int(sys.argv[1]), int(sys.argv[2])
    found = []
    for name, (kernel, more) in KERNELS.items():
        shapes = triton_kernels.SHAPES[TWO_FIT if name == "up" else slice(number)]
        for m, n, k, warps, stages in shapes:
            constants = {
                "BLOCK_M": m, "BLOCK_N": n, "BLOCK_K": k, "GROUP_M": triton_kernels.GROUP_M,
                "EVEN_K": True, "DESCRIBED": capability >= 90, "PRECISION": "tf32", **more,
            }  # fmt: skip
            done = compiled(kernel, constants, capability, warps, stages)
            ptx = done.asm["ptx"]
            found.append({
                "kernel": name, "shape": [m, n, k, warps, stages], "shared": done.metadata.shared,
                "spilled_bytes": spilled_bytes(ptx, capability),
                "wgmma": ptx.count("wgmma.mma_async"), "mma": ptx.count("mma.sync"),
                "tma_loads": ptx.count("cp.async.bulk.tensor"),
                "gathers_16_bytes": len(re.findall(r"cp\.async\.cg\.shared.*0x10", ptx)),
            })  # fmt: skip
    print(json.dumps(found))


if __name__ == "__main__":
    main()
