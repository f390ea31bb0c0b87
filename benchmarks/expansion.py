"""One expansion of a tree of 256 leaves: how its time depends on the positions that are held.

    .venv/bin/python benchmarks/expansion.py [--shape 1.3b|lm-s|small] [--out FILE.json]

Efficient Tree Search rests on one premise: a step is faster when its leaves share more. Here 256
leaves with 512 positions before each are decoded for 16 words while the tree under them is rebuilt
so that 1, 4, 16, 64 or 256 branches hold their own copy of the last 256 positions. The words, the
rows and the FLOPs of the formula are equal; only the distinct positions differ. `pooled` reads
every position once (`workloads/shared/language_model/pooled/engine.py`).

Seen on two cores of a CPU that others used too (4 layers of width 256, median of two): 5.0, 4.5,
7.6, 13.1 and 25.3 s for 512, 1280, 4352, 16640 and 65792 positions held. There the products with
masked positions are most of it (97 % idle at the end); on a GPU they should hide behind the
reading, which nobody has measured yet.

Shapes other than `small` take a CUDA device; weights are random, so time is all there is to see.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import torch

from adabench.workloads.shared.language_model.contract import Costs
from adabench.workloads.shared.language_model.model import LanguageModel, Shape
from adabench.workloads.shared.language_model.pooled.engine import PooledEngine
from adabench.workloads.test_time.chain.substrate.gpu_mechanics import SHAPES

LEAVES, PROMPT, OWN, NEW = 256, 256, 256, 16
SMALL = Shape(layers=2, width=128, heads=4, hidden=352, vocabulary=2000, context=1024)
BRANCHES = (1, 4, 16, 64, 256)


def engine(name: str) -> PooledEngine:
    """Return random weights of a shape, in bfloat16 on a GPU."""
    torch.manual_seed(0)
    if name == "small":
        return PooledEngine(LanguageModel(SMALL).requires_grad_(False), name)
    with torch.device("cuda"):
        model = LanguageModel(SHAPES[name]).to(torch.bfloat16).requires_grad_(False)
    return PooledEngine(model, name)


def expansion(own: PooledEngine, branches: int) -> tuple[int, float, float]:
    """Return positions held, seconds of one expansion, and the share of products that were idle."""
    own.reset(Costs())
    root = own.open([1, *range(3, 2 + PROMPT)], 1)
    stems = own.fork(root, branches)
    words = [[3 + (i * 7 + b) % 100 for i in range(OWN)] for b in range(branches)]
    for start in range(0, branches, 16):
        own.append(stems[start : start + 16], words[start : start + 16])
    leaves = [leaf for stem in stems for leaf in own.fork(stem, LEAVES // branches)]
    held = own.held().tokens
    own.costs.meter.clear()
    began = time.perf_counter()
    own.decode(leaves, stop=frozenset(), max_new=NEW)  # its draws synchronise
    spent_s = time.perf_counter() - began
    meter = own.costs.meter
    return held, spent_s, meter["idle_flops"] / (meter["flops"] + meter["idle_flops"])


def main() -> None:
    """Print a table and, with --out, write the figures with the device they came from."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--shape", choices=("small", *SHAPES), default="small")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    if asked.shape != "small" and not torch.cuda.is_available():
        sys.exit(f"--shape {asked.shape} needs a CUDA device; --shape small runs on the CPU.")
    own = engine(asked.shape)
    device = torch.cuda.get_device_name() if asked.shape != "small" else "cpu"
    expansion(own, 1)
    rows = []
    for branches in BRANCHES:
        found = [expansion(own, branches) for _ in range(asked.repeats)]
        seconds = statistics.median(spent_s for _, spent_s, _ in found)
        rows.append({"branches": branches, "held": found[0][0], "expansion_s": seconds})
        print(
            f"{branches:4d} branches  {found[0][0]:6d} positions held  {1e3 * seconds:9.1f} ms"
            f"  {1e6 * seconds / NEW / LEAVES:7.1f} us a word  idle products {found[0][2]:.0%}"
        )
    if asked.out:
        whole = {"device": device, "shape": asked.shape, "torch": torch.__version__, "rows": rows}
        asked.out.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
