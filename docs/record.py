"""Record every task anew (`make results`), or the runs that are named (`make results ARGS='paging chain'`).

A run is made at the default seeds, or where models are trained at those of five trainings, and packed
into docs/recorded/<task>. `FURTHER` runs have names of their own, and stand on their task's page too.
One whose records would take more than 700 kB leaves its findings, and so do further runs, `agents`, `lookup`,
`saturation`, `tools` and `routing`; beside them stays the evidence: the columns that claims rest on, so that verdicts
are judged from records.
`reproduction_<paper>` is `adabench reproduce` of a paper, which looks at each claim at fifths of its plan. Its
records stay, whatever they take: its verdicts rest on them.
`adabench train '<task>/*'` makes the trainings that are not shipped; without them there are fewer.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from adabench.harness.analysis import findings_file
from adabench.harness.analysis.load_run import load_run
from adabench.harness.contract import registry
from adabench.harness.contract.papers import papers
from adabench.harness.files.scratch_folder import scratch_folder
from adabench.harness.store import packed_run, run_folder
from adabench.harness.store.manifest import write_manifest
from docs import needed_columns
from docs.paper_commands import recordings

ROOT = Path(__file__).resolve().parents[1]
RECORDED = ROOT / "docs" / "recorded"
MOST_BYTES = 700_000
FINDINGS_ONLY = ("agents", "lookup", "routing", "saturation", "tools")
"""Tasks whose records are left out, as those of further runs are."""
TRAINED = (
    "active_search",
    "adapters",
    "chain",
    "classify",
    "denoise",
    "draw",
    "ledger",
    "ledger_affine",
    "ledger_cot",
    "ledger_qa",
    "offload",
    "ray_paths",
    "routing",
    "saturation",
)
FIVE = ("--seeds", "0..4")
FEWER: dict[str, tuple[str, ...]] = {
    # Searches are units, and ten tell more than three.
    "discovery": ("discovery/*", "--seeds", "0..9", "--counts"),
    # Eight weeks: in two a violation rate of 1 % is 40 slots. No claim is about times.
    "autoscale": ("autoscale/*", "--seeds", "0..4", "--no-sweep", "--set", "days=56", "--counts"),
    # Its one claim about times has a run of its own (`experts_moe_survey`).
    "experts": ("experts/*", "--seeds", "0..4", "--counts"),
    # Hits and bytes are counts; its claims about seconds have a run of their own (`offload_expertflow`).
    "offload": ("offload/*", "--seeds", "0..4", "--counts"),
    # A minute of solver time a case, and the best arm tries them all: three methods, processor time.
    "mip": (
        "mip/balans", "mip/random_arms", "mip/scip",
        "--no-sweep", "--set", "clock=cpu", "--set", "seconds=20",
    ),
    # SmolLM2 reads 135 million weights a word: what its shipped parts were fitted for.
    "pretrained": (
        "pretrained/vanilla", "pretrained/informed_routing", "pretrained/random_units",
        "pretrained/static_units", "pretrained/greedy_skip", "pretrained/early_exit",
        "--no-sweep",
    ),
}  # fmt: skip
"""Tasks that are run at other settings than their own: what `adabench run` is given instead."""

FURTHER: dict[str, tuple[str, ...]] = {
    # What there is to gain with SmolLM2, on 200 questions a level: the ground of the task's default.
    "text_band": (
        "text/greedy", "text/sample", "text/majority", "text/pass_at_n", "--alone",
        "--seeds", "0..4", "--set", "problems=40", "--sweep", "level=,plus-1",
    ),
    # Routers against models that were trained with coins in their place (`adabench train`, five each).
    "ledger_coins": (
        "ledger/mor", "ledger/informed_routing", "ledger/acm", "ledger/random_routing",
        "ledger/random_units", "ledger/random_width", "--alone", "--no-sweep",
        *FIVE, "--sweep", "weights=method,coins",
    ),
    # Diverse trees against a beam at the width at which they are said to pay.
    "chain_wide": (
        "chain/dvts", "chain/beam", "chain/random_n", "--alone", "--no-sweep", *FIVE,
        "--set", "problems=40", "--sweep", "N=64",
    ),
    # What a router over the pool of models has to gain, told how often each configuration is right.
    "chain_pool": (
        "chain/radar_oracle", "chain/configuration", "chain/radar", "--alone", *FIVE, "--set", "problems=48",
    ),
    # Hecto on real texts, of which MiniLM's states and five mixtures of each collection were trained
    # (`adabench train 'classify/*-sequence-s[0-4]'`).
    "classify_text": (
        "classify/hecto", "classify/ffnn_ffnn", "classify/gru_gru", "classify/random_gate", "--alone",
        "--no-sweep", *FIVE, "--sweep", "data=spam,sentiment,genre",
    ),
    # Hecto and its rivals in forty trainings, of which five ship, and a control in twenty-five (`adabench train
    # 'classify/sequence-s*' 'classify/isolated-s*' 'classify/tied-s?' 'classify/tied-s1?' 'classify/tied-s2[0-4]'
    # --missing`). Nothing here is timed, so queries are read together.
    "classify_trainings": (
        "classify/hecto", "classify/ffnn_ffnn", "classify/gru_gru", "classify/random_gate",
        "classify/tied_experts", "--alone", "--no-sweep", "--seeds", "0..39",
        "--set", "together=64", "--sweep", "input=sequence,isolated",
    ),
    # DynMoLE and MHR in twenty-five trainings, up to training 24
    # (`adabench train 'adapters/dynmole-s*' --missing`, and so mola, lora-36, mhr and poly).
    "adapters_trainings": (
        "adapters/dynmole", "adapters/lora", "adapters/mola", "adapters/random_experts",
        "adapters/random_count", "adapters/mhr", "adapters/mhr_mu", "adapters/poly",
        "adapters/poly_rand", "adapters/shuffled_tasks", "--alone", "--no-sweep",
        "--seeds", "0..24", "--set", "rank=36",
    ),
    # The learned policies in twenty-five trainings, of which five ship (`adabench train 'active_search/policies-s*'
    # --missing`), and in hunts (`adabench train 'active_search/[qt]*' --missing`).
    "active_search_trainings": (
        "active_search/*", "--alone", "--no-sweep", "--seeds", "0..24", "--counts",
    ),
    "active_search_hunts": (
        "active_search/learned_policy", "active_search/uncertainty", "active_search/soft_gbs",
        "active_search/random_arm", "active_search/uniform", "--alone", "--no-sweep", *FIVE,
        "--counts", "--sweep", "family=questions,thresholds,jokes",
    ),
    # Bottlenecks and full tuning in fifteen trainings (`adabench train 'adapters/bottleneck-6-s*' 'adapters/full-s*'`).
    "adapters_survey": (
        "adapters/bottleneck", "adapters/full", "--alone", "--no-sweep", "--seeds", "0..14",
        "--set", "width=6",
    ),
    # Adapters on real weights: three questions on texts and a new one, in SmolLM2's upper layers. After `adabench train
    # adapters/text-states-s0`, then 'adapters/text-rates-*' and 'adapters/text-*-s[0-4]'.
    "adapters_text": (
        "adapters/lora", "adapters/mola", "adapters/dynmole", "adapters/random_count",
        "adapters/poly", "adapters/poly_rand", "adapters/mhr", "adapters/ia3", "adapters/prefix",
        "adapters/bottleneck", "adapters/full", "--alone", "--no-sweep", *FIVE,
        "--set", "model=smollm2", "--set", "steps=40", "--set", "rank=36", "--set", "width=6",
    ),
    # What adapters learn in equal processor time (`adabench train 'adapters/*-seconds-s[0-4]'`).
    "adapters_seconds": (
        "adapters/mhr", "adapters/poly", "adapters/dynmole", "adapters/lora", "--alone",
        "--no-sweep", *FIVE, "--set", "budget=seconds", "--set", "rank=36",
    ),
    **{name: run for paper in papers().values() for name, run in recordings(paper).items()},
}  # fmt: skip
COUNTED = re.compile(
    "adapters_t(ext|rainings)|chain|classify_(hecto|text|trainings)|countdown|discovery|text_band"
)
"""Begins the names of further runs of whose claims none is about times: they are counted alone."""
MORE_TRAININGS = (
    "adapters_text", "active_search_trainings", "adapters_survey", "adapters_trainings",
    "classify_trainings",
)  # fmt: skip
"""Runs with more trainings than ship, or on real weights; of two the first. A claim stands on a paper's page as one of these has it, if one does."""
"""Runs beside those of the tasks, by name: what `adabench run` is given. The last are commands of papers."""


REPRODUCTION = "reproduction_"
"""Begins the names of runs of `adabench reproduce`."""
REPRODUCTION_TIME = "8m"
LONGER = {
    "compute-optimal": "45m", "ets": "30m", "fmtx": "20m", "gradient-coding": "20m", "radar": "30m",
    "wormhole": "20m",
}  # fmt: skip
"""Papers whose plans take longer."""
UNDECIDED = 5
"""The exit code of a reproduction that left a claim undecided."""


def record(name: str) -> int:
    """Run a task, a further run or a reproduction, and put what it left into docs/recorded; return its bytes."""
    if name.startswith(REPRODUCTION):
        return record_reproduction(name.removeprefix(REPRODUCTION))
    whole = (f"{name}/*", *(FIVE if name in TRAINED else ()))
    selection = FURTHER.get(name) or FEWER.get(name, whole)
    if COUNTED.match(name):
        selection = (*selection, "--counts")
    with scratch_folder("record") as temporary:
        out = temporary / name
        words = [sys.executable, "-m", "adabench", "run", *selection, "--no-report"]
        done = subprocess.run([*words, "--out", str(out)], check=False, stdout=subprocess.DEVNULL)
        if done.returncode not in (0, 1):  # 1: some cells failed, and their records say why
            raise SystemExit(f"{name}: adabench run ended with {done.returncode}.")
        return keep(out, RECORDED / name, selection)


def record_reproduction(slug: str) -> int:
    """Let `adabench reproduce` look at the claims of a paper, and put its records into docs/recorded."""
    words = ("reproduce", slug, "--seeds", "0..", "--time", LONGER.get(slug, REPRODUCTION_TIME))
    target = RECORDED / f"{REPRODUCTION}{slug}"
    with scratch_folder("record") as temporary:
        out = temporary / slug
        command = [sys.executable, "-m", "adabench", *words, "--out", str(out)]
        done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        if done.returncode not in (0, UNDECIDED):
            raise SystemExit(f"{target.name}: adabench reproduce ended with {done.returncode}.")
        return keep_reproduction(out, target, ("adabench", *words))


def keep_reproduction(folder: Path, target: Path, words: Sequence[str]) -> int:
    """Pack a reproduction with the columns that its paper's claims need; return the bytes it takes."""
    manifest = run_folder.read_manifest(folder)
    command = [*words, "--out", f"docs/recorded/{target.name}"]
    write_manifest(folder, manifest | {"command": command})
    paper = papers()[target.name.removeprefix(REPRODUCTION)]
    claims = [claim for own in paper.claims.values() for claim in own]
    tasks = {turn.cell.task for turn in run_folder.read_plan(manifest)}
    pack_needed(folder, target, needed_columns.needed_names(claims, tasks))
    return size_bytes(target)


def keep(folder: Path, target: Path, selection: Sequence[str]) -> int:
    """Pack a run, or its findings where its records are too many; return the bytes it takes."""
    write_command(folder, selection, target.name)
    shutil.rmtree(target, ignore_errors=True)
    packed_run.pack(folder, target, (run_folder.RECORDS, run_folder.MANIFEST))
    alone = target.name in FURTHER or target.name in FINDINGS_ONLY
    if alone or size_bytes(target) > MOST_BYTES:
        shutil.rmtree(target)
        found = load_run(folder)
        findings_file.write(found, folder, target)
        claims = [claim for card in found.method_cards.values() for claim in card.claims]
        names = needed_columns.needed_names(claims, found.task_cards)
        pack_needed(folder, target / findings_file.EVIDENCE, names)
    return size_bytes(target)


def pack_needed(folder: Path, target: Path, names: frozenset[str]) -> None:
    """Pack a run with some of its columns."""
    with scratch_folder("needed") as temporary:
        needed_columns.write_needed(folder, temporary / "run", names)
        shutil.rmtree(target, ignore_errors=True)
        packed_run.pack(temporary / "run", target, (run_folder.RECORDS, run_folder.MANIFEST))


def write_command(folder: Path, selection: Sequence[str], name: str) -> None:
    """Write the command for a reader, in place of the one with a temporary folder."""
    command = ["adabench", "run", *selection, "--no-report", "--out", f"docs/recorded/{name}"]
    write_manifest(folder, run_folder.read_manifest(folder) | {"command": command})


def size_bytes(folder: Path) -> int:
    """Return what the files of a folder take."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    """Record the runs that are named, or all of them."""
    known = sorted([*registry.tasks(), *FURTHER, *(f"{REPRODUCTION}{slug}" for slug in papers())])
    for name in sys.argv[1:]:
        if name not in known:
            raise SystemExit(f"{name} is no task and no further run; there are {', '.join(known)}.")
    for name in sys.argv[1:] or known:
        print(f"{name}: {record(name) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
