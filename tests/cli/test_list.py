"""`adabench list` from the outside."""

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = str(Path(sys.executable).with_name("adabench"))
ROW = {"address", "title", "role", "fidelity", "paper", "knobs", "claims", "needs",
       "available", "reason"}  # fmt: skip


def adabench(*words: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAM, *words], env=env, capture_output=True, text=True, check=False)


def test_list_rows_have_the_documented_fields(toy_env: dict[str, str]) -> None:
    rows = json.loads(adabench("list", "--json", env=toy_env).stdout)
    assert all(row.keys() == ROW for row in rows)
    by_address = {row["address"]: row for row in rows}
    assert {"paging/lru", "paging/belady", "roots/residual"} <= by_address.keys()
    assert by_address["roots/absent"]["available"] is False
    assert "nowhere" in by_address["roots/absent"]["reason"]
    assert by_address["paging/mark0"]["claims"]


def test_list_is_plain_text_for_people(toy_env: dict[str, str]) -> None:
    text = adabench("list", "roots", env=toy_env).stdout
    assert "roots/residual" in text
    assert "paging" not in text
    assert "\x1b" not in text
