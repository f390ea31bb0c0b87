"""Findings without their records: `findings.json.gz` beside a packed manifest, and sealed.

A repository that keeps runs keeps the findings alone of a run whose records are too many. Claims,
reports and the list of numbers can be read from them. What needs the records says so. Where evidence lies
beside them, claims are judged from that.
"""

import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from adabench.harness.analysis import findings_cache, possible_values
from adabench.harness.analysis.findings import Findings
from adabench.harness.contract.card import Card
from adabench.harness.errors import StoreError
from adabench.harness.files import json_document
from adabench.harness.files.whole_file import write_whole
from adabench.harness.provenance import worker_environment
from adabench.harness.store import packed_run, run_folder

SHA256 = "records_sha256"
MANIFEST_SHA256 = "manifest_sha256"
EVIDENCE = "evidence"
"""The folder, beside findings, of a run with the columns of the records that its claims rest on."""
SHAPE = {
    SHA256: str, "warnings": [str], "tasks": {str: dict}, "methods": {str: dict}, "tally": dict,
    "summary": [dict], "gaps?": [dict], "speedups?": [{"task": str, "method": str, "metric": str}], "fronts?": [dict],
    "claims": [dict],
}  # fmt: skip
FindCards = Callable[[Iterable[str]], Mapping[str, Card]]


def write(findings: Findings, folder: Path, out: Path) -> None:
    """Write the manifest and the findings of a run into another folder, packed.

    Raises:
        StoreError: if a file is missing or cannot be written.
    """
    packed_run.pack(folder, out, (run_folder.MANIFEST,))
    header = findings_cache.to_header(findings) | {
        SHA256: findings.manifest[SHA256],
        MANIFEST_SHA256: _digest(out),
    }
    text = json.dumps(json_document.sealed(header), separators=(",", ":"))
    target = packed_run.packed(out / run_folder.FINDINGS)
    try:
        write_whole(target, gzip.compress(text.encode(), packed_run.LEVEL, mtime=0))
    except OSError as problem:
        raise StoreError(f"{target} cannot be written: {problem.strerror}.") from problem


def read(folder: Path, find_cards: FindCards) -> Findings:
    """Return the findings of a folder for which `run_folder.has_only_findings`.

    Raises:
        StoreError: if they cannot be read.
    """
    manifest = worker_environment.measured(run_folder.read_manifest(folder))
    path = folder / run_folder.FINDINGS
    try:
        data = packed_run.read_bytes(path)
    except packed_run.UNREADABLE as broken:
        raise StoreError(f"{packed_run.packed(path)} cannot be read: {broken}.") from broken
    header = json_document.parse(data, packed_run.packed(path), SHAPE)
    if header.get(MANIFEST_SHA256, _digest(folder)) != _digest(folder):
        raise StoreError(
            f"{packed_run.packed(path)} is not of the {run_folder.MANIFEST} beside it."
        )
    manifest |= {SHA256: header[SHA256], "certificate": None}
    cards = find_cards(header["tasks"]), find_cards(header["methods"])
    try:
        found = findings_cache.from_header(folder, manifest, header, *cards)
        return _with_todays_sources(possible_values.within_ranges(found))
    except (KeyError, TypeError, ValueError, AttributeError) as broken:
        raise StoreError(f"{packed_run.packed(path)} is damaged: {broken!r}.") from broken


def _with_todays_sources(findings: Findings) -> Findings:
    """Return findings whose rows say where a claim comes from as its file says it today.

    What a claim is counted among is no matter of records; findings without them say it as they were made.
    """
    sources = {
        (address, claim.id): claim.source
        for address, card in findings.method_cards.items() for claim in card.claims
    }  # fmt: skip
    rows = tuple(
        replace(row, source=sources.get((f"{row.task}/{row.method}", row.id), row.source))
        for row in findings.claims
    )
    return replace(findings, claims=rows)


def _digest(folder: Path) -> str:
    """Return a digest of the manifest beside findings, packed or not."""
    return hashlib.sha256(packed_run.read_bytes(folder / run_folder.MANIFEST)).hexdigest()
