"""The real binding (nvidia-ml-py) over a library of ours: every call, structure and error code.

`nvml_stub/libnvidia_ml.c` is compiled as `libnvidia-ml.so.1` and found by the loader through
LD_LIBRARY_PATH, each time in a process of its own.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent / "nvml_stub" / "libnvidia_ml.c"
FAKES = Path(__file__).with_name("fakes.py")
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
PROGRAM = str(Path(sys.executable).with_name("adabench"))

pytestmark = [
    pytest.mark.skipif(COMPILER is None, reason="there is no C compiler"),
    pytest.mark.skipif(sys.platform != "linux", reason="the binding loads another name elsewhere"),
]

BOARDS = """
from adabench.profilers.nvml import boards, find_board, look, open_nvml, scope_of
nvml = open_nvml()
handle = find_board(nvml, "GPU-0")
seen = look(nvml, handle)._asdict()
say(boards=boards(nvml), scope=scope_of(nvml, handle), seen=seen,
    by_address=look(nvml, find_board(nvml, "00000000:01:00.0")).temp_c)
"""
METER = """
from adabench.profilers.energy.nvml_meters import open_gpu
from adabench.profilers.nvml import open_nvml
meter, power = open_gpu("GPU-0", open_nvml())
counts = [meter.counts() for _ in range(2)]
sampled = power is not None or meter.kind == "estimated.integrated"
say(kind=meter.kind, key=meter.key, scope=meter.scope, reason=getattr(meter, "reason", ""),
    j=meter.joules(*counts) if meter.kind == "counter.nvml" else None,
    watts=(power or meter).watts() if sampled else None,
    window=(power or meter).min_window_s if sampled else None)
"""
IN_USE = """
import importlib.util
spec = importlib.util.spec_from_file_location("fakes", fakes)
loaded = importlib.util.module_from_spec(spec); spec.loader.exec_module(loaded)
from adabench.profilers.nvml import boards_in_use, open_nvml
say(used=boards_in_use(open_nvml(), loaded.FakeCuda("GPU-0", "GPU-1", "GPU-2")))
"""
PASS = """
import importlib.util
spec = importlib.util.spec_from_file_location("fakes", fakes)
loaded = importlib.util.module_from_spec(spec); spec.loader.exec_module(loaded)
from adabench.profilers.energy import energy_pass as module
from adabench.profilers.energy.energy_pass import EnergyMeters, Plan, energy_pass
from adabench.profilers.timing.disturbance import Watch
cuda = loaded.FakeCuda("GPU-0")
module.context, module.waiting = lambda: cuda, lambda: cuda.synchronize
meters = EnergyMeters(plan=Plan(phases=1, idle_s=0.2, period_ticks=5))
found = energy_pass(lambda: sum(range(1_000)), meters, Watch(), 0.0)
say(values=found.values, said=found.provenance[0], why=found.why)
"""
RAISES = """
from adabench.profilers.nvml import Unmetered, find_board, open_nvml
try:
    find_board(open_nvml(), name)
    say(problem="", remedy="")
except Unmetered as problem:
    say(problem=str(problem), remedy=problem.remedy)
"""
LOST = """
from adabench.profilers.energy.meter import NoValue
from adabench.profilers.energy.nvml_meters import NvmlCounter
from adabench.profilers.nvml import open_nvml
meter = NvmlCounter("GPU-0", open_nvml())
try:
    say(problem=[meter.counts() for _ in range(9)])
except NoValue as problem:
    say(problem=str(problem))
"""


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nvml")
    words = [COMPILER, "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-O1", str(SOURCE)]
    done = subprocess.run(
        [*words, "-o", folder / "libnvidia-ml.so.1"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def ask(library):
    def run(code, name="GPU-0", **machine):
        head = (
            f"import json\nname, fakes = {name!r}, {str(FAKES)!r}\n"
            "def say(**words): print(json.dumps(words))\n"
        )
        env = {**os.environ, "LD_LIBRARY_PATH": str(library)}
        env |= {f"STUB_{key}": str(value) for key, value in machine.items()}
        done = subprocess.run(
            [sys.executable, "-P", "-c", head + code],
            env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_a_board_answers_every_question_that_a_witness_asks(ask):
    found = ask(BOARDS, REASONS=0x40 | 0x4)
    assert found["boards"] == [["Stub Board 0", False]]
    assert found["seen"] == {
        "foreign": 0,
        "reasons": 0x44,
        "temp_c": 54,
        "sm_mhz": 1755,
        "power_limit_w": 700.0,
        "driver": "600.1",
        "pid_unseen": False,
    }
    assert found["by_address"] == 54


@pytest.mark.parametrize(
    ("pids", "foreign"),
    [
        ("self", 0),
        ("self,1", 1),
        ("self," + "1,2,3,4,5,6,7", 7),
        ("", None),  # hidden from a container: unknown, not exclusive
        ("hidden", None),
    ],
)
def test_processes_on_the_board_come_through_the_bindings_two_calls(ask, pids, foreign):
    assert ask(BOARDS, PIDS=pids)["seen"]["foreign"] == foreign


@pytest.mark.parametrize(
    ("c2c", "scope"), [("none", "gpu_board"), ("0", "gpu_board"), ("1", "module")]
)
def test_the_link_to_a_processor_decides_over_the_scope(ask, c2c, scope):
    assert ask(BOARDS, C2C=c2c)["scope"] == scope
    found = ask(METER, C2C=c2c, WATTS=321)
    assert found["scope"] == scope
    assert found["key"] == {"gpu_board": "energy_gpu_j", "module": "energy_module_j"}[scope]
    assert found["watts"] == 321.0  # asked for in the scope that answers
    assert found["window"] == 2.0


def test_the_counter_is_read_in_millijoules(ask):
    found = ask(METER, STEP_MJ=2_500)
    assert (found["kind"], found["j"]) == ("counter.nvml", 2.5)


@pytest.mark.parametrize(
    ("machine", "kind", "words"),
    [
        ({"COUNTER": 0}, "estimated.integrated", ""),
        ({"COUNTER": 0, "INSTANT": 0}, "estimated.integrated", ""),
        ({"COUNTER": 0, "INSTANT": -1}, "unavailable", "Not Supported"),
        ({"MIG": 1}, "unavailable", "MIG mode"),
        ({"MIG": 0}, "counter.nvml", ""),
    ],
)
def test_the_ladder_goes_down_by_the_bindings_own_errors(ask, machine, kind, words):
    found = ask(METER, **machine)
    assert found["kind"] == kind
    assert words in found["reason"]
    if machine.get("INSTANT") == 0:
        assert (found["watts"], found["window"]) == (300.0, 10.0)


@pytest.mark.parametrize(
    ("name", "machine", "words"),
    [
        ("GPU-0", {}, ""),
        ("GPU-7", {}, "does not know the GPU in use: Not Found"),
        ("00000000:09:00.0", {}, "Not Found"),
        ("GPU-1", {"BOARDS": 2, "MIG": "0/1"}, "MIG mode"),
        ("MIG-1", {}, "MIG mode"),
        ("GPU-9", {"MIG": "1"}, "MIG mode"),  # the UUID of an instance, as CUDA gives it
        ("GPU-0", {"INIT": 9}, "NVML does not start: Driver Not Loaded"),
    ],
)
def test_what_cannot_be_had_is_a_sentence(ask, name, machine, words):
    found = ask(RAISES, name, **machine)
    assert words in found["problem"]
    assert bool(found["remedy"]) == bool(words)


def test_a_lost_gpu_is_no_error_of_the_bindings(ask):
    assert "GPU is lost" in ask(LOST, LOST=3)["problem"]


def test_boards_in_use_come_from_the_processes_that_nvml_sees(ask):
    found = ask(IN_USE, BOARDS=3, PIDS="self/1/1,self")
    assert found["used"] == ["GPU-0", "GPU-2"]


def test_the_pass_reads_the_counter_through_the_binding(ask):
    """On any processor and load: the joules are power times the time of the work, or refused."""
    found = ask(PASS, WATTS=300, PERIOD_MS=20)
    said = found["said"]
    assert (said["key"], said["device_uuid"], said["driver"]) == ("energy_gpu_j", "GPU-0", "600.1")
    if "energy_j" not in found["values"]:
        assert said["reason"], said
        return
    share = said.get("work_share", 1.0)
    ends_j = 3 * (said["u_j"] ** 2 - (0.05 * said["j"]) ** 2) ** 0.5  # a late poll widens a window
    assert abs(said["j"] - 300.0 * said["window_s"] * share) <= 0.01 * said["j"] + ends_j
    assert said["j_per_unit"] == pytest.approx(said["j"] / said["units"])
    assert said["ticks"] >= 20


def test_doctor_finds_the_boards_of_the_library(library, tmp_path):
    env = {**os.environ, "LD_LIBRARY_PATH": str(library), "STUB_BOARDS": "2", "HOME": str(tmp_path)}
    done = subprocess.run(
        [PROGRAM, "doctor", "--json"], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Stub Board 1" in done.stdout
    env["CUDA_VISIBLE_DEVICES"] = ""
    test = subprocess.run(
        [PROGRAM, "doctor", "--gpu"], env=env, capture_output=True, text=True, check=False
    )
    assert test.returncode == 3  # the boards are there, and torch has none of them
    assert "There is no GPU to test: torch finds no CUDA device." in test.stderr
