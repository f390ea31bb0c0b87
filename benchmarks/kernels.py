"""Our kernels beside their reference, beside dense work, and over their floor.

    python benchmarks/kernels.py [--device cuda] [--dtype bfloat16] [--out FILE]

Per shape, median seconds of one call:

- *dense*: the gated torch MLP over all tokens, added to the stream: what skipping has to beat.
- *reference*: the torch version of the kernel (`reference_`, `reference`).
- *library*: `torch.nn.functional.grouped_mm` with sorting, gather and scatter around it
  (grouped products on a GPU, where torch has it).
- *ours*: what the dispatch chooses. Without CUDA and triton that is the reference, and `runs`
  says so.
- *floor*: operations over the rate of the matrix product or bytes over the bandwidth of copies,
  whichever is more, by ceilings measured in the same sitting.

On a GPU a CUDA graph of `QUEUE` calls is replayed between two events, so that launches from
Python are not in the figure (with them a kernel of 50 us looks like one of 100). Everything then
lies in L2 as far as it fits: that is *hot*. *Cold* replays a graph of one call after a memset of
twice the L2, and contains one graph launch. The two are never mixed; ratios are of hot figures.
The last line is the JSON that `--out` stores.
"""

import argparse
import json
import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.harness.provenance.environment import fingerprint
from adabench.kernels import gathered_mlp, grouped_matmul
from adabench.kernels.dispatch import runs_triton
from adabench.profilers.compute.torch_trace import Roof, roof
from adabench.profilers.hardware.ceilings import measure_apart
from adabench.profilers.timing.clock import lap, settle

QUEUE, REPLAYS, LAPS = 20, 15, 9
GATHERS = {  # tokens, share active, width, hidden
    "cpu": ((512, 0.5, 256, 1024), (512, 0.1, 256, 1024)),
    "cuda": ((4096, 0.5, 1024, 4096), (4096, 0.25, 1024, 4096), (4096, 0.05, 1024, 4096)),
}
GROUPED = {  # rows, groups, inner, outer
    "cpu": ((512, 8, 256, 256),),
    "cuda": ((4096, 16, 1024, 1024), (4096, 64, 1024, 1024), (256, 64, 1024, 1024)),
}


@dataclass(frozen=True)
class Timed:
    """Median seconds of one call; cold is of a GPU alone."""

    hot_s: float
    cold_s: float | None = None


@dataclass(frozen=True)
class Row:
    """One shape of one kernel."""

    kernel: str
    shape: tuple[float, ...]
    runs: str
    reference: Timed
    ours: Timed
    dense: Timed | None
    library: Timed | None
    floor_s: float | None
    roof: str

    def ratio(self, other: Timed | None) -> float | None:
        """Return how many times faster ours is, hot."""
        return other.hot_s / self.ours.hot_s if other else None

    @property
    def over_floor(self) -> float | None:
        """Return ours over the floor, hot."""
        return self.ours.hot_s / self.floor_s if self.floor_s else None


class Cost(NamedTuple):
    """What no implementation can do without: the floor of a kernel is made of it."""

    flops: int
    """Two for each multiply-add."""
    moved_bytes: int
    """Every input read once, every output written once; nothing between them leaves the chip."""

    def floor_s(self, flop_per_s: float, bandwidth_bytes_per_s: float) -> float:
        """Return the time under two ceilings, the slower of which rules."""
        return max(self.flops / flop_per_s, self.moved_bytes / bandwidth_bytes_per_s)


def gather_cost(rows: int, width: int, hidden: int, item_bytes: int) -> Cost:
    """Return what `rows` active tokens cost at least, in values of `item_bytes`."""
    elements = 3 * width * hidden + 3 * rows * width
    return Cost(6 * rows * width * hidden, elements * item_bytes + rows * 8)


def grouped_cost(rows: int, groups: int, inner: int, outer: int, item_bytes: int) -> Cost:
    """Return what `rows` rows cost at least when `groups` groups are not empty."""
    elements = groups * inner * outer + rows * (inner + outer)
    return Cost(2 * rows * inner * outer, elements * item_bytes + rows * 8)


def ceilings(device: str, dtype: str, seconds: float = 0.15) -> Roof | None:
    """Measure the ceilings of the device, in a process of their own."""
    place: Any = "gpu" if device == "cuda" else "cpu" if torch.get_num_threads() > 1 else "core"
    values = measure_apart(seconds).values
    return roof(values, place, dtype, torch.get_num_threads(), "measured just now")


def gather_row(
    tokens: int, share: float, width: int, hidden: int, dtype: str, device: str, over: Roof | None
) -> Row:
    """Time the MLP of the active rows beside that of all rows."""
    draw = _drawing(dtype, device)
    stream, x = draw(tokens, width), draw(tokens, width)
    gate_up = draw(2 * hidden, width, scale=width**-0.5)
    down = draw(width, hidden, scale=1e-3)
    rows = torch.randperm(tokens, device=device)[: round(tokens * share)]
    work = gather_cost(len(rows), width, hidden, x.itemsize)
    return Row(
        "gather", (tokens, share, width, hidden), _runs(stream, x, rows, gate_up, down),
        timed(lambda: gathered_mlp.gated_reference_(stream, x, rows, gate_up, down), device),
        timed(lambda: gathered_mlp.gated_mlp_add_(stream, x, rows, gate_up, down), device),
        timed(lambda: _dense_mlp_(stream, x, gate_up, down), device),
        None, *_floor(over, work),
    )  # fmt: skip


def _dense_mlp_(stream: Tensor, x: Tensor, gate_up: Tensor, down: Tensor) -> Tensor:
    """Add the gated MLP of all tokens."""
    gate, up = F.linear(x, gate_up).chunk(2, dim=-1)
    return stream.add_(F.linear(F.silu(gate) * up, down))


def grouped_row(
    rows: int, groups: int, inner: int, outer: int, dtype: str, device: str, over: Roof | None
) -> Row:
    """Time the product by choice; the choices are uniform."""
    draw = _drawing(dtype, device)
    x, weights = draw(rows, inner), draw(groups, outer, inner)
    choice = torch.randint(groups, (rows,), device=device)
    work = grouped_cost(rows, len(choice.unique()), inner, outer, x.itemsize)
    has_library = device == "cuda" and dtype == "bfloat16" and hasattr(F, "grouped_mm")
    return Row(
        "grouped", (rows, groups, inner, outer), _runs(x, choice, weights),
        # The reference asks how many rows a group has, which a graph cannot hold.
        timed(lambda: grouped_matmul.reference(x, choice, weights), device, graph=False),
        timed(lambda: grouped_matmul.grouped(x, choice, weights), device),
        None,
        timed(lambda: _library(x, choice, weights), device) if has_library else None,
        *_floor(over, work),
    )  # fmt: skip


def _library(x: Tensor, choice: Tensor, weights: Tensor) -> Tensor:
    """Sort, gather, multiply by torch's grouped product, scatter."""
    order = torch.argsort(choice)
    counts = torch.zeros(len(weights), dtype=torch.int32, device=x.device)
    counts.scatter_add_(0, choice, torch.ones_like(choice, dtype=torch.int32))
    ends = counts.cumsum(0, dtype=torch.int32)
    product = F.grouped_mm(x.index_select(0, order), weights.transpose(-2, -1), offs=ends)
    return torch.empty_like(product).index_copy_(0, order, product)


def _drawing(dtype: str, device: str) -> Callable[..., Tensor]:
    torch.manual_seed(0)
    kind: torch.dtype = getattr(torch, dtype)

    def draw(*size: int, scale: float = 1.0) -> Tensor:
        return (torch.randn(*size, device=device) * scale).to(kind)

    return draw


def _runs(*tensors: Tensor) -> str:
    return "triton" if runs_triton(*tensors) else "reference"


def _floor(over: Roof | None, work: Cost) -> tuple[float | None, str]:
    if over is None:
        return None, "ceilings not measured"
    return work.floor_s(over.flop_per_s, over.bandwidth_bytes_per_s), over.source


def timed(call: Callable[[], object], device: str, *, graph: bool = True) -> Timed:
    """Time a call: by laps on a CPU, by events on a GPU."""
    with torch.no_grad():
        if device == "cpu":
            call()
            return Timed(settle(lap(call, LAPS)[0])["latency_s"])
        for _ in range(3):  # tunes and compiles; a graph could not
            call()
        torch.cuda.synchronize()
        if not graph:
            return Timed(_between_events(lambda: _repeat(call), QUEUE))
        many, one = _captured(lambda: _repeat(call)), _captured(call)
        flush = torch.empty(2 * _l2_bytes(), dtype=torch.uint8, device=device)
        return Timed(
            _between_events(many.replay, QUEUE), _between_events(one.replay, 1, flush.zero_)
        )


def _repeat(call: Callable[[], object]) -> None:
    for _ in range(QUEUE):
        call()


def _captured(call: Callable[[], object]) -> torch.cuda.CUDAGraph:
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return graph


def _l2_bytes() -> int:
    return int(torch.cuda.get_device_properties(torch.cuda.current_device()).L2_cache_size)


def _between_events(
    replay: Callable[[], object], calls: int, before: Callable[[], object] | None = None
) -> float:
    """Return the median over replays of the time between two events, per call."""
    pairs = []
    for _ in range(REPLAYS):
        if before is not None:
            before()
        pair = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
        pair[0].record()
        replay()
        pair[1].record()
        pairs.append(pair)
    torch.cuda.synchronize()
    return float(statistics.median(a.elapsed_time(b) for a, b in pairs)) / 1e3 / calls  # from ms


def _rows(device: str, dtype: str) -> Iterator[Row]:
    over = ceilings(device, dtype)
    for shape in GATHERS[device]:
        yield gather_row(*shape, dtype, device, over)
    for sizes in GROUPED[device]:
        yield grouped_row(*sizes, dtype, device, over)


def _line(row: Row) -> str:
    shape = " x ".join(f"{size:g}" for size in row.shape)
    cells = [_us(row.dense), _us(row.reference), _us(row.library), _us(row.ours)]
    floor = "–" if row.floor_s is None else f"{row.floor_s * 1e6:.1f}"
    over = "–" if row.over_floor is None else f"{row.over_floor:.2f}"
    times = [f"{row.ratio(x):.2f}" if x else "–" for x in (row.dense, row.reference, row.library)]
    return (
        f"{row.kernel:8} {shape:26} {row.runs:10}"
        + "".join(f"{cell:>18}" for cell in cells)
        + f"{floor:>9} {over:>6}  {' / '.join(times)}"
    )


def _us(cost: Timed | None) -> str:
    if cost is None:
        return "–"
    return f"{cost.hot_s * 1e6:.1f}" + (f" ({cost.cold_s * 1e6:.1f})" if cost.cold_s else "")


def main() -> None:
    """Print a table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", default="")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    dtype = asked.dtype or ("bfloat16" if asked.device == "cuda" else "float32")
    heads = "".join(f"{head:>18}" for head in ("dense", "reference", "library", "ours"))
    caches = "hot L2 (cold L2 in brackets)" if asked.device == "cuda" else "warm caches"
    print(f"{dtype} on {asked.device}; us, {caches}")
    print(f"{'kernel':8} {'shape':26} {'runs':10}{heads}{'floor':>9} {'/floor':>6}  ours beats")
    rows = []
    for row in _rows(asked.device, dtype):
        print(_line(row), flush=True)
        rows.append(row)
    document: Mapping[str, Any] = {
        "environment": fingerprint(), "dtype": dtype, "rows": [asdict(row) for row in rows],
    }  # fmt: skip
    text = json.dumps(document)
    if asked.out:
        asked.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
