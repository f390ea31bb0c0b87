"""Reads a run folder and computes everything that is shown of it."""

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import get_args

from adabench.harness.analysis import findings_cache, findings_file, measurement_warnings
from adabench.harness.analysis.analyse import analyse
from adabench.harness.analysis.claims.room_gate import without_room
from adabench.harness.analysis.findings import Findings
from adabench.harness.contract import registry
from adabench.harness.contract.card import Card
from adabench.harness.contract.claim import Scale
from adabench.harness.contract.question import decision_question
from adabench.harness.contract.source_files import PACKAGE
from adabench.harness.errors import SelectionError
from adabench.harness.provenance import hardware_profile, worker_environment
from adabench.harness.race import certificate
from adabench.harness.store import method_copies, run_folder
from adabench.harness.store.table import read as read_table

log = logging.getLogger(__name__)


def load_run(folder: Path) -> Findings:
    """Read a run and compute everything that is shown of it.

    Raises:
        StoreError: if it is not a run or holds damaged records.
    """
    if run_folder.has_only_findings(folder):
        return _judged_anew(findings_file.read(folder, find_cards), folder / findings_file.EVIDENCE)
    manifest = worker_environment.measured(run_folder.read_manifest(folder))
    sha256 = manifest["records_sha256"] = run_folder.digest(folder)
    manifest["certificate"] = certificate.read(folder)
    cells = [turn.cell for turn in run_folder.read_plan(manifest)]
    tasks = find_cards({cell.task for cell in cells})
    methods = find_cards({cell.address for cell in cells}, folder)
    question = manifest.get("asked", {}).get("question", "")
    methods |= _with_question(question, methods, {cell.scale for cell in cells})
    rivals = find_rivals(tasks)
    made_of = findings_cache.made_of(folder, sha256, tasks, {**rivals, **methods})
    known = findings_cache.load(folder, made_of, manifest, tasks, methods)
    if known:
        return known
    records = read_table(folder, sha256)
    manifest["warnings"] = [
        *hardware_profile.mismatch_warnings(manifest),
        *(
            certificate.marks(manifest["certificate"])
            or certificate.lack(manifest.get("asked", {}))
        ),
        *records.damage,
        *measurement_warnings.warnings(records, manifest),
    ]
    findings = analyse(str(folder), manifest, tasks, methods, records, rivals)
    if not records.damage:
        findings_cache.save(folder, made_of, findings)
    return findings


def _judged_anew(found: Findings, evidence: Path) -> Findings:
    """Return findings with the claims that their evidence bears out; without any, less those that have no room."""
    if evidence.is_dir():
        return replace(found, claims=load_run(evidence).claims)
    return replace(found, claims=without_room(found.claims, found.task_cards, found.method_cards))


def _with_question(
    text: str, methods: Mapping[str, Card], scales: Collection[str]
) -> dict[str, Card]:
    """Return the card of the method that a run was asked about, with the question among its claims."""
    if not text:
        return {}
    question = decision_question(text)
    known = [scale for scale in get_args(Scale) if scale in scales]
    claim = replace(question.claim, scale=known[0]) if known else question.claim
    return {
        address: replace(card, claims=(*card.claims, claim)) for address, card in methods.items()
        if address.rpartition("/")[2] == question.method
    }  # fmt: skip


def find_rivals(tasks: Iterable[str]) -> dict[str, Card]:
    """Return the cards of the controls and static methods of tasks that are part of adabench.

    Claims are told apart from them; what somebody else installed beside them has no say in it.
    """
    known = registry.tasks()
    return {
        address: entry.card
        for task in sorted(set(tasks) & known.keys())
        for address, entry in registry.methods(task).items()
        if entry.card.role in ("control", "static") and entry.module.startswith(PACKAGE)
    }


def find_cards(addresses: Iterable[str], run: Path | None = None) -> dict[str, Card]:
    """Return cards; of a method that is not installed that of the run's copy, or only its name."""
    cards, wanted, known = {}, sorted(addresses), registry.tasks()
    # Each task is looked through once, and not again for each of its methods.
    for task in {address.partition("/")[0] for address in wanted if "/" in address} & known.keys():
        known |= registry.methods(task)
    for address in wanted:
        try:
            cards[address] = (known.get(address) or registry.find(address)).card
        except SelectionError:
            copy = method_copies.find_copy(run, address) if run else None
            if copy:
                cards[address] = copy.card
                continue
            log.warning(
                "%s is in the run but not installed here: its claims are left out.", address
            )
            cards[address] = Card(address)
    return cards
