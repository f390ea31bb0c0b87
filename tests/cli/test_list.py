"""`list`, `show`, `check` and `doctor` from the outside."""

import json
import subprocess
import sys
import textwrap
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


def test_show_prints_the_essay_and_the_claims(toy_env: dict[str, str]) -> None:
    text = adabench("show", "roots/residual", env=toy_env).stdout
    assert "compute follows difficulty" in text
    assert "T-1" in text
    assert json.loads(adabench("show", "roots", "--json", env=toy_env).stdout)["metrics"]


def test_check_passes_sound_plug_ins(toy_env: dict[str, str]) -> None:
    done = adabench("check", "roots", "--json", env=toy_env)
    found = json.loads(done.stdout)
    assert [f for f in found if f["problem"] and not f["skipped"]] == []
    assert {f["address"] for f in found} >= {"roots", "roots/residual", "roots/hindsight"}
    assert done.returncode == 0


def test_check_finds_what_a_method_does_wrong(toy_env: dict[str, str], tmp_path: Path) -> None:
    info = tmp_path / "bad-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[adabench.methods]\nroots/bad = bad_method\n")
    (tmp_path / "bad_method.py").write_text(
        textwrap.dedent("""
            from adabench.harness.contract.card import Card, Claim, Knob, Ratio
            CARD = Card(title="bad", knobs=(Knob("spread", (1,), 2),), claims=(
                Claim("X", "", "", Ratio("stpes", "fixd", high=1.0)),))
            SEEN = []
            def solve(task, case, point):
                SEEN.append(case)
                return task.step(case, 1.0 if len(SEEN) % 2 else 2.0)
        """)
    )
    env = {**toy_env, "PYTHONPATH": f"{toy_env['PYTHONPATH']}:{tmp_path}"}
    done = adabench("check", "roots/bad", env=env)
    assert done.returncode == 4
    for broken in ("adapts=", "twice", "not in its sweep", "stpes", "fixd"):
        assert broken in done.stdout


def test_doctor_gives_a_reason_for_what_it_cannot_measure(toy_env: dict[str, str]) -> None:
    found = json.loads(adabench("doctor", "--json", env=toy_env).stdout)
    for item in found["abilities"]:
        assert item["state"] in ("yes", "partly", "no")
        assert (item["state"] == "yes") == (not item["reason"])
    assert "energy" in adabench("doctor", env=toy_env).stdout.lower()
