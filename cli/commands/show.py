"""Pictures for `report --terminal`, and a card's page for `show --html`."""

import os
import shutil
import sys
from pathlib import Path

from adabench.cli import session
from adabench.harness.analysis.findings import Findings
from adabench.harness.contract import registry
from adabench.harness.errors import StoreError

PIPED = 100
"""Columns of a picture that nobody's terminal limits."""


def fronts(findings: Findings) -> str:
    """Return the fronts of a run as wide as the terminal, in colour if there is one."""
    from adabench.reports.figures import terminal

    here = sys.stdout.isatty()
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdigit() else PIPED
    if here and not columns:
        width = shutil.get_terminal_size().columns
    colour = here and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    return terminal.fronts(findings, terminal.Looks(width, colour, encoding.startswith("utf")))


def write_page(address: str, path: Path, run: Path | None = None) -> Path:
    """Write the page of a task or a method, with what a run found of it.

    Raises:
        SelectionError: for an address that does not exist.
        StoreError: for a run that cannot be read, or a file that cannot be written.
    """
    from adabench.cli import catalogue
    from adabench.reports.site.card_page import page

    entry = registry.find(address)
    names = [] if "/" in address else list(registry.methods(address))
    found = session.read(run) if run else None
    text = page(entry, catalogue.card(address), names, found)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise StoreError(f"The page {path} cannot be written: {problem.strerror}.") from problem
    return path
