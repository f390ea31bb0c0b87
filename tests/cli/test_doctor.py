"""`adabench doctor` from the outside."""

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = str(Path(sys.executable).with_name("adabench"))


def adabench(*words: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAM, *words], env=env, capture_output=True, text=True, check=False)


def test_doctor_gives_a_reason_for_what_it_cannot_measure(toy_env: dict[str, str]) -> None:
    found = json.loads(adabench("doctor", "--json", env=toy_env).stdout)
    for item in found["abilities"]:
        assert item["state"] in ("yes", "partly", "no")
        assert (item["state"] == "yes") == (not item["reason"])
    assert "energy" in adabench("doctor", env=toy_env).stdout.lower()
