"""The survey's comparison from one run: what each way of tuning trains, takes, stores and gains.

    adabench run 'adapters/*' --out RUN
    .venv/bin/python benchmarks/tuning_table.py RUN > TABLE.md

One line a method and point, by trained numbers. Bytes are of one real step of training under hooks: weights that
the pass needs, gradients, the optimiser's state and what autograd keeps (`substrate/footprint.py`). Milliseconds a
step are the run's own `cpu_s` over its steps, processor time of the shortest case, since a process's first is cold;
reading is processor time over the base's, beside it and merged into it; what serves is how many times as fast eight
tasks are beside one base as by swapping weights. Accuracies are means over seeds and new tasks.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from adabench.harness.analysis.operating_points import OperatingPoint, collapse
from adabench.harness.store import run_folder
from adabench.harness.store.table import read

TASK = "adapters"
BYTES = ("weight_bytes", "gradient_bytes", "optimizer_bytes", "activation_bytes", "training_bytes")
HEADS = (
    "method", "trained", "of full", "weights kB", "gradients kB", "optimiser kB", "activations kB",
    "in all kB", "stored kB", "CPU ms a step", "reads x", "merged x", "serves 8, 64, 512 x",
    "FLOPs a token", "48 tasks", "new tasks", "gain", "source kept",
)  # fmt: skip


def mean(dot: OperatingPoint, name: str) -> float:
    """Return a mean over cases; NaN where it was not recorded."""
    found = dot.column(name)
    return float(np.nanmean(found)) if np.isfinite(found).any() else float("nan")


def label(dot: OperatingPoint) -> str:
    """Return a method with its point."""
    point = ", ".join(f"{name}={value}" for name, value in sorted(dot.point.items()))
    return f"`{dot.method}`" + (f" {point}" if point else "")


def number(value: float, form: str) -> str:
    """Return a number, or a dash where there is none."""
    return format(value, form) if np.isfinite(value) else "–"


def speedup(dot: OperatingPoint, count: int) -> float:
    """Return how many times as fast one pass serves so many requests as swapped weights."""
    beside_s = mean(dot, f"serving_beside_{count}_s")
    return (beside_s + mean(dot, f"serving_saved_{count}_s")) / beside_s


def cells(dot: OperatingPoint, full: float) -> Iterator[str]:
    """Yield the cells of a line."""
    trained = mean(dot, "trained_parameters")
    yield label(dot)
    yield number(trained, ",.0f")
    yield number(100 * trained / full, ".1f") + " %"
    for name in (*BYTES, "stored_bytes"):
        yield number(mean(dot, name) / 1000, ",.1f")
    steps_s = dot.column("cpu_s") / dot.column("steps_taken")
    yield number(1000 * float(np.nanmin(steps_s)), ".2f")
    for name in ("reading_s", "reading_merged_s"):
        yield number(mean(dot, name) / mean(dot, "reading_base_s"), ".2f")
    yield ", ".join(number(speedup(dot, count), ".2f") for count in (8, 64, 512))
    yield number(mean(dot, "flops_token"), ",.0f")
    for name in ("accuracy_seen", "accuracy", "gain", "accuracy_source"):
        yield number(mean(dot, name), ".3f")


def table(dots: Sequence[OperatingPoint]) -> str:
    """Return the table in Markdown, by trained numbers."""
    [full] = [mean(dot, "trained_parameters") for dot in dots
              if dot.method == "full" and dot.point["start"] == "base"]  # fmt: skip
    lines = [HEADS, ["---"] * len(HEADS)]
    lines += [
        list(cells(dot, full)) for dot in sorted(dots, key=lambda d: mean(d, "trained_parameters"))
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Print the table of a run, and what the base alone answers."""
    folder = Path(sys.argv[1])
    dots = [dot for dot in collapse(read(folder, run_folder.digest(folder))) if dot.task == TASK]
    bare = np.nanmean([mean(dot, "accuracy_base") for dot in dots])
    print(table(dots))
    print(f"\nZero-shot, the base alone: {bare:.3f} on new tasks.")


if __name__ == "__main__":
    main()
