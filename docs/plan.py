"""Plan the claims of papers by pilots: `python -m docs.plan ets radar`, or all papers.

`adabench power` takes three seeds that decide nothing (900 and on) and says how many cases, trainings or
seeds each claim takes; its answer is written into the paper's file, before the paper is recorded.
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from adabench.harness.contract.papers import papers

FILES = Path(__file__).resolve().parents[1] / "workloads" / "papers"
PILOT_TIME = "3m"
BLOCK = re.compile(r"^\[\[plans\]\]\n(?:.+\n)*\n?", re.MULTILINE)
FIRST_CLAIM = "[[claims]]"


def plan(slug: str) -> int:
    """Write the plans of a paper's claims into its file; return how many there are."""
    words = [sys.executable, "-m", "adabench", "power", slug, "--time", PILOT_TIME, "--json"]
    said = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
    rows = [row for row in json.loads(said)["claims"] if row.get("planned_seeds")]
    file = FILES / f"{slug}.toml"
    file.write_text(with_plans(file.read_text(encoding="utf-8"), rows), encoding="utf-8")
    return len(rows)


def with_plans(text: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the text of a paper's file with other plans than it has."""
    plain = BLOCK.sub("", text)
    blocks = "".join(_block(row) for row in rows)
    before, claims, after = plain.partition(FIRST_CLAIM)
    return before + blocks + claims + after


def _block(row: Mapping[str, Any]) -> str:
    unit = row["unit"] if row["unit"] in ("cases", "trainings") else "seeds"
    lines = (
        f'claim = "{row["id"]}"', f'unit = "{unit}"', f"size = {row['planned']}",
        f"seeds = {row['planned_seeds']}",
    )  # fmt: skip
    return "\n".join(("[[plans]]", *lines, "", ""))


def main() -> None:
    """Plan the papers that are named, or all of them."""
    known = sorted(papers())
    for slug in sys.argv[1:]:
        if slug not in known:
            raise SystemExit(f"{slug} is no paper; there are {', '.join(known)}.")
    for slug in sys.argv[1:] or known:
        print(f"{slug}: {plan(slug)} plans", flush=True)


if __name__ == "__main__":
    main()
