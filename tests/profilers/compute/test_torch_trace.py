"""Traces: counts against arithmetic, the roof, and `adabench trace` from the outside."""

import functools
import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import _len_torch_dispatch_stack

from adabench.harness.contract.record import Cell
from adabench.harness.run.case_trace import CaseTrace
from adabench.profilers.compute.flops import Flops
from adabench.profilers.compute.torch_trace import Line, Roof, Trace, roof, watch
from adabench.profilers.compute.traffic import Ledger, Traffic
from adabench.profilers.hardware.idle_power import Ceiling
from adabench.profilers.probe import measured
from adabench.reports.figures.roofline import dots, rate, save_roofline, whole

READS = ("<all files>",)
"""For tests/suite/dependencies.py."""

FLOAT = 4


def counted(call) -> Ledger:
    ledger = Ledger()
    with Traffic(ledger):
        call()
    return ledger


def test_a_product_reads_both_factors_and_writes_the_result():
    a, b = torch.ones(3, 5), torch.ones(5, 7)
    seen = counted(lambda: a @ b).operators["aten::mm"]
    assert (seen.calls, seen.flops) == (1, 2 * 3 * 5 * 7)
    assert seen.moved_bytes == (15 + 35 + 21) * FLOAT


@pytest.mark.parametrize("guard", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_composite_operators_are_counted_by_their_parts_in_every_mode(guard):
    with guard():
        x, layer = torch.ones(4, 6), torch.nn.Linear(6, 8, bias=False)
        ledger = counted(lambda: layer(x))
    assert "aten::linear" not in ledger.operators
    assert ledger.operators["aten::mm"].flops == 2 * 4 * 6 * 8


def test_an_operator_without_a_formula_has_bytes_and_no_flops():
    x = torch.ones(10)
    seen = counted(lambda: x + x).operators["aten::add"]
    assert seen.flops is None
    assert seen.moved_bytes == (10 + 10) * FLOAT  # the same tensor twice is read once


def test_views_and_empty_tensors_move_nothing_and_an_expanded_one_what_is_stored():
    x = torch.ones(4, 6)
    ledger = counted(lambda: (x.t(), x[1:], x.view(24), torch.empty(1000)))
    assert sum(moved.moved_bytes for moved in ledger.operators.values()) == 0
    wide = torch.ones(1).expand(1000)
    assert counted(wide.clone).operators["aten::clone"].moved_bytes == (1 + 1000) * FLOAT


def test_gathers_and_scatters_move_their_rows_and_not_the_table():
    table, rows, new = torch.ones(1000, 8), torch.tensor([3, 5]), torch.ones(2, 8)
    index = 2 * 8
    seen = counted(lambda: table.index_select(0, rows)).operators["aten::index_select"]
    assert seen.moved_bytes == 2 * 16 * FLOAT + index
    seen = counted(lambda: table.index_add_(0, rows, new)).operators["aten::index_add_"]
    assert seen.moved_bytes == 3 * 16 * FLOAT + index


def test_the_backward_pass_of_fused_attention_has_the_flops_of_the_counter():
    q, k, v = (torch.randn(1, 2, 8, 4, requires_grad=True) for _ in range(3))

    def call():
        torch.nn.functional.scaled_dot_product_attention(q, k, v).sum().backward()

    with measured([Flops()]) as seen:
        call()
    assert sum(moved.flops or 0 for moved in counted(call).operators.values()) == seen["flops"]


def test_the_fused_attention_of_a_cpu_has_flops():
    q = torch.ones(2, 3, 16, 8)
    ledger = counted(lambda: torch.nn.functional.scaled_dot_product_attention(q, q, q))
    assert sum(moved.flops or 0 for moved in ledger.operators.values()) == 4 * 2 * 3 * 16 * 16 * 8


def test_the_main_type_is_that_of_most_flops():
    small, large = torch.ones(2, 2, dtype=torch.float64), torch.ones(8, 8, dtype=torch.bfloat16)
    assert counted(lambda: (small @ small, large @ large)).main_type == "bfloat16"
    assert Ledger().main_type == "float32"


def test_a_torch_block_gives_a_chrome_trace_and_the_operators_that_ran(tmp_path):
    a = torch.ones(64, 64)
    found = watch(lambda: (a @ a).relu(), tmp_path)
    assert found.instrument == "torch.profiler"
    lines = {line.name: line for line in found.lines}
    assert lines["aten::mm"].calls == 1
    assert lines["aten::mm"].flops == found.flops == 2 * 64**3
    assert lines["aten::mm"].self_s > 0
    assert lines["aten::relu"].flops is None
    assert [line.self_s for line in found.lines] == sorted(
        (line.self_s for line in found.lines), reverse=True
    )
    [chrome] = found.files
    events = json.loads(chrome.read_text())["traceEvents"]
    assert "aten::mm" in {event["name"] for event in events}


def test_a_block_without_torch_is_traced_as_functions_and_says_why(tmp_path):
    def inner():
        return sum(i * i for i in range(1000))

    found = watch(lambda: [inner() for _ in range(7)], tmp_path)
    assert found.instrument == "cProfile"
    assert "No torch operator ran" in found.blind
    assert found.flops is None
    assert found.moved_bytes is None
    [line] = [line for line in found.lines if line.name.endswith("inner")]
    assert line.calls == 7
    assert str(Path(__file__).parents[3]) not in line.name


@pytest.mark.parametrize("passes", [6, 7], ids=["while counted", "under cProfile"])
def test_a_block_that_fails_leaves_no_instrument_behind(passes, tmp_path):
    calls = []

    def call():
        calls.append(1)
        if len(calls) > passes:  # one to warm up, five plain laps, then the intrusive passes
            raise RuntimeError("too often")

    with pytest.raises(RuntimeError, match="too often"):
        watch(call, tmp_path)
    assert sys.getprofile() is None
    assert _len_torch_dispatch_stack() == 0


def test_the_roof_gives_the_floor_that_rules():
    over = Roof(100.0, 10.0, "")
    assert over.floor_s(200, 10) == 2.0
    assert over.floor_s(200, 50) == 5.0
    assert over.fraction(200, 50, 10.0) == 0.5
    assert over.fraction(None, 50, 10.0) == 0.5
    assert over.fraction(None, None, 10.0) is None
    assert over.fraction(0, None, 10.0) == over.fraction(0, 0, 10.0) == 0.0  # known to be nothing
    assert over.fraction(200, 50, 0.0) is None


def test_a_roof_is_picked_by_place_and_type_and_is_absent_rather_than_guessed():
    values = {
        "gemm_core_float32": Ceiling(100.0), "copy_core": Ceiling(10.0),
        "gemm_cpu_float32": Ceiling(unavailable="Others were using the processors."),
        "gemm_gpu_bfloat16": Ceiling(9000.0), "copy_gpu": Ceiling(300.0),
    }  # fmt: skip
    assert roof(values, "core", "float32", 1, "p") == Roof(
        100.0, 10.0, "p: copy and float32 matrix product, one core"
    )
    several = roof(values, "cpu", "float32", 4, "p")
    assert several is not None
    assert (several.flop_per_s, several.bandwidth_bytes_per_s) == (400.0, 40.0)
    assert "4 x one core" in several.source
    assert roof(values, "gpu", "bfloat16", 4, "p") is not None
    assert roof(values, "gpu", "float16", 4, "p") is None


def drawn_trace(**changes: Any) -> Trace:
    lines = (Line("aten::mm", 2, 0.2, None, 4000, 100), Line("aten::add", 1, 0.2, None, None, 300))
    given = {"instrument": "torch.profiler", "blind": "", "place": "core", "dtype": "float32",
             "threads": 1, "plain_s": 0.25, "traced_s": 0.4, "lines": lines}  # fmt: skip
    return Trace(**{**given, **changes})


def test_the_picture_has_the_operators_with_flops_and_the_whole_block(tmp_path):
    trace = drawn_trace()
    [dot] = dots(trace)
    assert dot == ("aten::mm", 40.0, 20000.0, 0.5)
    assert whole(trace) == ("all", 10.0, 16000.0, 1.0)
    png, svg = save_roofline(trace, Roof(1e6, 1e5, "here"), "task/method", "k=v", tmp_path)
    assert png.read_bytes().startswith(b"\x89PNG")
    text = "".join(ET.parse(svg).getroot().itertext())
    for words in ("aten::mm", "task/method", "k=v", "ceilings: here", "all, untraced"):
        assert words in text
    assert "aten::add" not in text


def test_a_count_of_zero_is_a_count():
    views = drawn_trace(lines=(Line("aten::view", 3, 0.2, None, None, 0),))
    assert views.moved_bytes == 0
    assert views.flops is None
    empty = drawn_trace(lines=(Line("aten::mm", 1, 0.2, None, 0, None), views.lines[0]))
    assert (empty.flops, empty.moved_bytes) == (0, 0)


def test_without_flops_there_is_no_picture(tmp_path):
    trace = drawn_trace(lines=(Line("aten::add", 1, 0.2, None, None, 300),))
    assert save_roofline(trace, Roof(1e6, 1e5, ""), "t", "", tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_rates_are_written_with_their_unit():
    assert rate(1.67e11, "FLOP/s") == "167 GFLOP/s"
    assert rate(None, "FLOPs") == "– FLOPs"


SMALL = ("--set", "batches=1", "--set", "sequences=8")


@pytest.fixture(scope="module")
def traced_once(command, tmp_path_factory):
    """Return the trace of a ledger method, and its folder; each is made once."""

    @functools.cache
    def made(method):
        folder = tmp_path_factory.mktemp("trace") / "t"
        return command("trace", method, *SMALL, "-o", folder, "--json"), folder

    return made


@pytest.mark.xdist_group("trace")
@pytest.mark.parametrize("method", ["ledger/vanilla", "ledger/early_exit"])
def test_tracing_a_ledger_method_writes_trace_table_and_picture(method, traced_once):
    done, folder = traced_once(method)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["instrument"] == "torch.profiler"
    assert found["intrusive"] is True
    files = {Path(name).name for name in found["files"]}
    assert files >= {"trace.json", "trace_table.json"}
    assert json.loads((folder / "trace_table.json").read_text())["lines"] == found["lines"]
    lines = {line["name"]: line for line in found["lines"]}
    assert lines["aten::mm"]["flops"] > 0
    assert found["flops"] == sum(line["flops"] or 0 for line in found["lines"])
    if "unavailable" in found["ceilings"]:  # a machine too busy to measure them says so
        assert found["of_ceiling"] is None
    else:
        assert files >= {"roofline.svg", "roofline.png"}
        assert found["ceilings"]["flop_per_s"] > 0
        assert lines["aten::mm"]["of_ceiling"] > 0


@pytest.mark.xdist_group("trace")
def test_the_flops_of_vanilla_are_those_the_ledger_counts(traced_once):
    """Six layers over 8 x 64 tokens; what is masked is computed all the same."""
    done, _ = traced_once("ledger/vanilla")
    found = json.loads(done.stdout)
    from adabench.workloads.depth_width.ledger import task
    from adabench.workloads.depth_width.methods import vanilla

    loaded = task.load("embedded", 0, batches=1, sequences=8)
    reader = vanilla.prepare(loaded, {"depth": 6}, 0)
    [batch] = loaded.cases()
    answer = vanilla.solve(reader, batch, {"depth": 6})
    assert found["flops"] == pytest.approx(
        loaded.score(batch, answer)["flops_counted"] * 8 * 64, rel=1e-6
    )


def test_tracing_numba_says_what_cannot_be_seen(command, tmp_path):
    done = command("trace", "paging/lru", "--set", "requests=20000", "-o", tmp_path / "t")
    assert done.returncode == 0, done.stderr
    assert "under cProfile" in done.stdout
    assert "Compiled code (numba, numpy) is one opaque call" in done.stdout
    assert "_replay" in done.stdout
    assert not (tmp_path / "t" / "trace.json").exists()


@pytest.mark.usefixtures("toy")
def test_a_method_that_fails_is_named(monkeypatch, tmp_path):
    from adabench.harness.errors import MethodContractError
    from adabench.harness.run.case_trace import TraceRequest, trace_case

    info = tmp_path / "bad-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[adabench.methods]\nroots/bad = bad_in_trace\n")
    (tmp_path / "bad_in_trace.py").write_text(
        "from adabench.harness.contract.card import Card\nCARD = Card(title='bad', role='static')\n"
        "def solve(state, case, point):\n    return 1 / 0\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(MethodContractError, match=r"ZeroDivisionError.*bad_in_trace\.py, line 4"):
        trace_case(TraceRequest("roots/bad", out=tmp_path / "out"))


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["roots"], 2, "one method"),
        (["roots/*"], 2, "one method"),
        (["roots/fixd"], 2, "roots/fixed"),
        (["roots/fixed", "--set", "sprad=1"], 2, "spread"),
        (["roots/fixed", "--scale", "galactic"], 2, "embedded"),
        (["roots/fixed", "--case", "99999"], 2, "no case 99999"),
        (["roots/fixed", "-o", "/proc/nowhere"], 3, "--out"),
        (["roots/fixed", "--hardware", "nowhere"], 2, "no hardware profile"),
        (["roots/absent"], 3, "nowhere"),
    ],
)
def test_bad_input_ends_in_a_sentence_and_its_exit_code(
    words: list[str], code: int, says: str, toy_env: dict[str, str], tmp_path: Path, command
) -> None:
    out = [] if "-o" in words else ["-o", str(tmp_path / "t")]
    done = command("trace", *words, *out, env=toy_env)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_trace_names_operators_whose_work_it_lacks(tmp_path):
    a = torch.ones(4, 4)
    found = watch(lambda: torch.fft.fft(a @ a), tmp_path)
    assert found.uncounted == ("aten::_fft_r2c",)
    case = CaseTrace(Cell("t", "m", {}, {}, "embedded", 0), 0, found, None, "", tmp_path, ())
    assert json.loads(json.dumps(case.to_json()))["uncounted"] == ["aten::_fft_r2c"]
    assert watch(lambda: (a @ a).relu_(), tmp_path).uncounted == ()
