"""Record every task anew (`make results`), or the tasks that are named (`make results ARGS='paging chain'`).

A run is made at the default seeds, or where models are trained at those of five trainings, and packed
into docs/recorded/<task>. One whose records would take more than 700 kB leaves its findings only.
`adabench train '<task>/*'` makes the trainings that are not shipped; without them there are fewer.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from adabench.harness.analysis import findings_file
from adabench.harness.analysis.load_run import load_run
from adabench.harness.contract import registry
from adabench.harness.files.scratch_folder import scratch_folder
from adabench.harness.store import packed_run, run_folder
from adabench.harness.store.manifest import write_manifest

ROOT = Path(__file__).resolve().parents[1]
RECORDED = ROOT / "docs" / "recorded"
MOST_BYTES = 700_000
TRAINED = (
    "active_search",
    "chain",
    "ledger",
    "ledger_affine",
    "ledger_cot",
    "ledger_qa",
    "ray_paths",
    "saturation",
)
FIVE = ("--seeds", "0..4")
FEWER: dict[str, tuple[str, ...]] = {
    # A minute of solver time a case, and the best arm tries them all: three methods, processor time.
    "mip": (
        "mip/balans", "mip/random_arms", "mip/scip",
        "--defaults", "--set", "clock=cpu", "--set", "seconds=20",
    ),
    # SmolLM2 reads 135 million weights a word: what its shipped parts were fitted for.
    "pretrained": (
        "pretrained/vanilla", "pretrained/informed_routing", "pretrained/random_units",
        "pretrained/static_units", "pretrained/greedy_skip", "pretrained/early_exit",
        "--defaults",
    ),
}  # fmt: skip
"""Tasks of which not every method is run at every setting: what `adabench run` is given instead."""


def record(task: str) -> int:
    """Run a task and put what it left into docs/recorded; return the bytes that it takes."""
    selection = FEWER.get(task, (f"{task}/*", *(FIVE if task in TRAINED else ())))
    with scratch_folder("record") as temporary:
        out = temporary / task
        words = [sys.executable, "-m", "adabench", "run", *selection, "--no-report"]
        done = subprocess.run([*words, "--out", str(out)], check=False, stdout=subprocess.DEVNULL)
        if done.returncode not in (0, 1):  # 1: some cells failed, and their records say why
            raise SystemExit(f"{task}: adabench run ended with {done.returncode}.")
        return keep(out, RECORDED / task, selection)


def keep(folder: Path, target: Path, selection: Sequence[str]) -> int:
    """Pack a run, or its findings where its records are too many; return the bytes it takes."""
    write_command(folder, selection, target.name)
    shutil.rmtree(target, ignore_errors=True)
    packed_run.pack(folder, target, (run_folder.RECORDS, run_folder.MANIFEST))
    if size_bytes(target) > MOST_BYTES:
        shutil.rmtree(target)
        findings_file.write(load_run(folder), folder, target)
    return size_bytes(target)


def write_command(folder: Path, selection: Sequence[str], name: str) -> None:
    """Write the command for a reader, in place of the one with a temporary folder."""
    command = ["adabench", "run", *selection, "--no-report", "--out", f"docs/recorded/{name}"]
    write_manifest(folder, run_folder.read_manifest(folder) | {"command": command})


def size_bytes(folder: Path) -> int:
    """Return what the files of a folder take."""
    return sum(path.stat().st_size for path in folder.iterdir())


def main() -> None:
    """Record the tasks that are named, or all of them."""
    known = sorted(registry.tasks())
    for task in sys.argv[1:]:
        if task not in known:
            raise SystemExit(f"{task} is no task; the tasks are {', '.join(known)}.")
    for task in sys.argv[1:] or known:
        print(f"{task}: {record(task) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
