"""`adabench show`: one card for a terminal, as JSON, or as a page."""

import json
import textwrap
from pathlib import Path
from typing import Annotated

import typer

from adabench.cli.commands.checkpoint_figures import documents as checkpoint_documents
from adabench.cli.commands.checkpoint_figures import page as checkpoint_page
from adabench.cli.commands.list import table
from adabench.cli.selection import AsJson
from adabench.cli.terminal import terminal_columns
from adabench.harness.contract import registry
from adabench.harness.contract.card import Ability
from adabench.harness.contract.catalogue import card_document, essay, find_entries
from adabench.harness.contract.papers import find_papers
from adabench.harness.contract.registry import Entry
from adabench.harness.errors import MOST_NAMES, SelectionError
from adabench.harness.store.default_sources import absence
from adabench.reports.tables.claim_words import limit_of, test_of

MOST_COLUMNS = 100


def command(
    address: Annotated[
        str,
        typer.Argument(
            help="A task, a method, a paper or checkpoints: paging, paging/mark0, ets, lookup/agent-s-s0."
        ),
    ],
    html: Annotated[Path | None, typer.Option(help="Write it as a page instead.")] = None,
    run: Annotated[
        Path | None,
        typer.Option(help="With --html: a run, for verdicts and for where compute went."),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="How each claim is tested, and the notes of the file.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show one card: what adapts, its knobs, what its paper said and the bars, on one screen.

    Of checkpoints it shows the figures that they were shipped with, and the gates of these.
    """
    try:
        address = address_of(address)
    except SelectionError:
        documents = checkpoint_documents(address)
        if not documents:
            raise
        pages = "\n\n".join(map(checkpoint_page, documents))
        print(json.dumps(documents) if as_json else pages)
        return
    if html or run:
        from adabench.reports.site.card_page import write_card_page

        print(write_card_page(address, html or Path(f"{address.replace('/', '-')}.html"), run))
        return
    print(json.dumps(card_document(address)) if as_json else page(address, full=full))


def address_of(words: str) -> str:
    """Return the address that words name: their own, or that of the one method in which a paper's claims stand.

    Raises:
        SelectionError: for words that name nothing, or several methods.
    """
    try:
        return registry.find(words).address
    except SelectionError:
        slugs = {paper.slug for paper in find_papers(words)}
        own = [entry for entry in find_entries() if entry.card.slug in slugs]
        claiming = [entry for entry in own if any(c.published for c in entry.card.claims)]
        found = [entry.address for entry in claiming or own]
        if not found:
            raise
    if len(found) > 1:
        hint = f"Say one of: {', '.join(found[:MOST_NAMES])}."
        raise SelectionError(f"{words!r} names {len(found)} methods.", hint)
    return found[0]


def page(address: str, *, full: bool) -> str:
    """Write one card for a terminal: on one screen, or with tests and notes."""
    entry = registry.find(address)
    card = entry.card
    parts = [f"{entry.address}: {card.title}", _facts(entry)]
    parts += [f"Knobs\n{_knobs(entry)}"] if card.knobs else []
    parts += [f"Metrics\n{_metrics(entry)}"] if card.metrics else []
    parts += _tests(entry) if full else _promises(entry)
    if "/" not in address:
        names = ", ".join(method.name for method in registry.methods(address).values())
        wide = min(terminal_columns(), MOST_COLUMNS) - 1
        lines = textwrap.fill(names, wide, initial_indent="  ", subsequent_indent="  ")
        parts.append(f"Methods\n{lines}")
    return "\n\n".join([*parts, *([essay(entry)] if full else [_try(entry)])])


def _promises(entry: Entry) -> list[str]:
    """Return what the paper said and our bar, one line a claim."""
    published = [claim for claim in entry.card.claims if claim.published]
    if not published:
        return []
    lines = [(claim.id, limit_of(claim) or "–", claim.paper) for claim in published]
    others = len(entry.card.claims) - len(published)
    more = f"\n  and {others} of our own: --full" if others else ""
    rows = table(("CLAIM", "BAR", "PAPER SAID"), lines, indent=2)
    return [f"Published claims\n{rows}{more}"]


def _tests(entry: Entry) -> list[str]:
    """Return every claim with what the paper says and how it is tested."""
    lines = [
        f"  {claim.id:8} {claim.says}\n           paper: {claim.paper}\n           tested: "
        f"{test_of(claim) or getattr(claim.expect, 'reason', '')}"
        for claim in entry.card.claims
    ]
    return ["\n".join(["Claims", *lines])] if lines else []


def _try(entry: Entry) -> str:
    """Return the commands that come next."""
    words = [f"  adabench run {entry.address}"]
    if any(claim.published for claim in entry.card.claims):
        words.append(f"  adabench reproduce {entry.card.slug or entry.address}")
    return "\n".join(["Try", *words, f"  adabench show {entry.address} --full"])


def _facts(entry: Entry) -> str:
    card = entry.card
    available, reason = registry.availability(entry)
    facts = {
        "role": card.role if "/" in entry.address else "task",
        "fidelity": card.fidelity if "/" in entry.address else "",
        "paper": card.paper,
        "adapts": card.adapts,
        "signal": f"\n{'':13}".join(card.signal),
        "no signal": f"\n{'':13}".join(textwrap.wrap(card.no_signal, 66)),
        "control": _control(entry),
        "abilities": ", ".join(map(_ability, card.abilities)),
        "available": "yes" if available else f"no: {reason}",
        "defaults": absence(entry),
    }
    return "\n".join(f"  {name:10} {text}" for name, text in facts.items() if text)


def _control(entry: Entry) -> str:
    """Return who is the method with another case's signal."""
    control = registry.permuted_control(None if entry.permuted else entry)
    return f"{control.address}, with another case's signal" if control else ""


def _ability(ability: Ability) -> str:
    return f"{ability.name} (not with {ability.without})" if ability.unless else ability.name


def _knobs(entry: Entry) -> str:
    return "\n".join(
        f"  {knob.name:10} {', '.join(map(str, knob.values))} (default {knob.default}"
        f"{', other values too' if knob.open else ''.join(f', or {value}' for value in knob.also)})"
        for knob in entry.card.knobs
    )


def _metrics(entry: Entry) -> str:
    return "\n".join(
        f"  {metric.name:16} {metric.unit:12} {metric.role}{', primary' if metric.primary else ''}"
        f", {metric.better} is better"
        for metric in entry.card.metrics
    )
