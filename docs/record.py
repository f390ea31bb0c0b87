"""Record every task anew (`make results`), or the tasks that are named: `python docs/record.py paging chain`.

A run is made at the default seeds and packed into docs/recorded/<task>. One whose records would
take more than 400 kB leaves its findings only.
"""

import gzip
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from adabench.harness.analysis.load_run import load_run
from adabench.harness.contract import registry
from adabench.harness.store import packed_run, run_folder

ROOT = Path(__file__).resolve().parents[1]
RECORDED = ROOT / "docs" / "recorded"
MOST_BYTES = 400_000
FEWER: dict[str, tuple[str, ...]] = {
    # A minute of solver time a case: the methods that its paper's claims compare.
    "mip": ("mip/balans", "mip/random_arms", "mip/best_arm", "mip/scip"),
}
"""Tasks of which not every method is run."""


def record(task: str) -> int:
    """Run a task and put what it left into docs/recorded; return the bytes that it takes."""
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / task
        selection = FEWER.get(task, (f"{task}/*",))
        command = ["adabench", "run", *selection, "--out", str(out), "--no-report"]
        done = subprocess.run([sys.executable, "-m", "adabench", *command[1:]], check=False)
        if done.returncode not in (0, 1):
            raise SystemExit(f"{task}: adabench run ended with {done.returncode}.")
        _name_the_command(out, [*command[:-3], "--out", f"docs/recorded/{task}"])
        return _keep(out, RECORDED / task)


def _name_the_command(folder: Path, command: list[str]) -> None:
    """Write the command that records it, in place of the one with a temporary folder."""
    path = folder / run_folder.MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(manifest | {"command": command}, indent=1) + "\n", encoding="utf-8")


def _keep(folder: Path, target: Path) -> int:
    """Pack a run, or its findings where its records are too many."""
    shutil.rmtree(target, ignore_errors=True)
    packed_run.pack(folder, target, (run_folder.RECORDS, run_folder.MANIFEST))
    if sum(path.stat().st_size for path in target.iterdir()) > MOST_BYTES:
        shutil.rmtree(target)
        target.mkdir()
        (target / "findings.json.gz").write_bytes(gzip.compress(_findings(folder), 9, mtime=0))
    return sum(path.stat().st_size for path in target.iterdir())


def _findings(folder: Path) -> bytes:
    findings = load_run(folder)
    manifest = {key: value for key, value in findings.manifest.items() if key != "plan"}
    document = findings.to_json() | {"run": ""}
    return json.dumps({"manifest": manifest, "document": document}).encode()


def main() -> None:
    """Record the tasks that are named, or all of them."""
    for task in sys.argv[1:] or sorted(registry.tasks()):
        print(f"{task}: {record(task) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
