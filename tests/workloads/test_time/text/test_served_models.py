"""`adabench run text` on servers that nobody here wrote: what runs, and what is refused by name."""

import json
from pathlib import Path
from typing import Any

import pytest

from adabench.harness.store import run_folder
from tests.workloads.shared.language_model.backends.served_models import (
    KEY,
    llama_cpp,
    needs_llama_cpp,
    needs_transformers_serve,
    transformers_serve,
)

FEW = ("--alone", "--seeds", 0, "--set", "problems=1", "--set", "N=2", "--no-report", "--json")


def run(command: Any, model: str, folder: Path, *words: object) -> tuple[Any, list[str]]:
    """Return the document of a run that ended well, and what it said before it began."""
    done = command(
        "run", *words, "--model", model, *FEW, "--out", folder, env={"OPENAI_API_KEY": KEY}
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("will be skipped: ")]
    return json.loads(done.stdout.splitlines()[-1]), said


def notes(folder: Path, status: str) -> dict[str, list[str]]:
    """Return by method what its records of a status say."""
    found: dict[str, list[str]] = {}
    for record in run_folder.records(folder):
        if record.status == status:
            found.setdefault(record.cell.method, []).append(record.note)
    return found


@pytest.mark.slow
@needs_llama_cpp
def test_llama_cpp_runs_votes_and_searches_and_refuses_what_needs_states(command, tmp_path):
    names = ("greedy", "majority", "best_of_n", "beam", "rebase", "ets")
    folder = tmp_path / "r"
    with llama_cpp() as (model, _):
        found, said = run(
            command, model, folder, *(f"text/{name}" for name in names), "--set", "room=24"
        )
    metrics = {row["method"]: row["metrics"] for row in found["summary"]}
    assert metrics.keys() == set(names) - {"ets"}
    for row in metrics.values():
        assert min(row[name]["estimate"] for name in ("generated", "requests")) > 0
        assert not {"flops_counted", "kv_before", "kv_peak", "kv_peak_bytes"} & row.keys()
    # A summary leaves out times that other processes disturbed; records have them.
    solved = [record for record in run_folder.records(folder) if record.status == "ok"]
    assert min(record.values["ttft_s"] for record in solved) > 0
    assert metrics["beam"]["discarded"]["estimate"] > 0, "what lies behind a step's mark"
    assert not notes(folder, "error")
    (announced,) = said
    assert "text/ets (not with lambda_c=0.0 or lambda_s=0.0) needs hidden" in announced
    (refusal,) = notes(folder, "skipped").pop("ets")
    assert refusal.startswith("CapabilityMissing: hidden: not supported on this backend (smollm2).")
    assert any("text/ets: skipped. hidden: not supported" in said for said in found["warnings"])


@pytest.mark.slow
@needs_transformers_serve
def test_transformers_serve_votes_and_refuses_what_needs_log_probabilities(
    command, llama_folder, tmp_path
):
    names, folder = ("greedy", "majority", "beam", "best_of_n"), tmp_path / "r"
    with transformers_serve(llama_folder) as model:
        found, said = run(
            command, model, folder, *(f"text/{name}" for name in names), "--set", "room=12"
        )
    assert {row["method"] for row in found["summary"]} == {"greedy", "majority"}
    assert not notes(folder, "error")
    (announced,) = said
    assert "text/beam, text/best_of_n (not with by=likelihood) need scores" in announced
    skipped = notes(folder, "skipped")
    assert skipped.keys() == {"beam", "best_of_n"}
    assert all("logprobs: " in note and "--judge" in note for (note,) in skipped.values())
