"""The command line in a process of its own; the fixtures `here` and `in_process` put it into this one."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PROGRAM = str(Path(sys.executable).with_name("adabench"))


def adabench(
    *words: object, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Call it with words; return what it says and its exit code."""
    return subprocess.run(
        [PROGRAM, *map(str, words)], env=env, cwd=cwd, capture_output=True, text=True, check=False
    )
