"""A closed program prints what it computes; what reaches out, prints on and spins comes to nothing outside of it."""

from pathlib import Path

import pytest

from adabench.workloads.shared.programs import confined_python
from adabench.workloads.shared.programs.confined_python import run_closed

FEW = 200_000


def test_a_closed_program_prints_what_it_computes_or_how_it_failed():
    assert run_closed("import math, random\nprint(math.isqrt(49) * 6)", FEW) == ("42", True)
    assert run_closed("1 / 0", FEW) == ("ZeroDivisionError: division by zero", True)
    assert run_closed("1 +", FEW) == ("SyntaxError: invalid syntax", True)


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.socket()",
        "import _socket; _socket.socket()",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.fork()",
        "import os; os.system('true')",
        "import os; os.open('.', 0)",
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (9, 9))",
        "import sys; sys.settrace(None)",
        "import ctypes",
    ],
)
def test_what_reaches_out_is_refused(code):
    said, in_time = run_closed(f"{code}\nprint('it went on')", FEW)
    assert in_time
    assert said.startswith(("PermissionError", "ModuleNotFoundError", "ImportError", "OSError"))


def test_no_file_is_written_even_when_the_refusal_is_caught(tmp_path: Path):
    path = tmp_path / "out"
    code = f"try:\n    open({str(path)!r}, 'w')\nexcept BaseException:\n    print('refused')"
    assert run_closed(code, FEW) == ("refused", True)
    assert not path.exists()


@pytest.mark.parametrize(
    "code", ["print('x' * 10_000_000)", "import os; os.write(1, b'x' * 10**7)"]
)
def test_what_is_printed_is_kept_short(code):
    said, _ = run_closed(code, FEW)
    assert len(said) <= confined_python.MOST_BYTES


@pytest.mark.parametrize("code", ["while True: pass", "import time\nwhile True: time.sleep(1)"])
def test_what_spins_or_sleeps_comes_to_its_limit(code):
    assert run_closed(code, 20_000) == ("", False)
