"""Writes the page of a task's or a method's card, with what a run found of it."""

from pathlib import Path

from adabench.harness.analysis.load_run import load_run
from adabench.harness.contract import registry
from adabench.harness.contract.catalogue import card_document
from adabench.harness.errors import StoreError
from adabench.reports.site.card_page import page


def write_card_page(address: str, path: Path, run: Path | None = None) -> Path:
    """Write the page of a task or a method, with what a run found of it.

    Raises:
        SelectionError: for an address that does not exist.
        StoreError: for a run that cannot be read, or a file that cannot be written.
    """
    entry = registry.find(address)
    names = [] if "/" in address else list(registry.methods(address))
    findings = load_run(run) if run else None
    text = page(entry, card_document(address), names, findings)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise StoreError(f"The page {path} cannot be written: {problem.strerror}.") from problem
    return path
