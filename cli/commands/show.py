"""`adabench show`: one card for a terminal, as JSON, or as a page."""

import json
import textwrap
from pathlib import Path
from typing import Annotated

import typer

from adabench.cli.selection import AsJson
from adabench.harness.contract import registry
from adabench.harness.contract.card import Ability
from adabench.harness.contract.catalogue import card_document, essay
from adabench.harness.contract.registry import Entry


def command(
    address: Annotated[str, typer.Argument(help="A task or a method: paging, paging/mark0.")],
    html: Annotated[Path | None, typer.Option(help="Write it as a page instead.")] = None,
    run: Annotated[
        Path | None,
        typer.Option(help="With --html: a run, for verdicts and for where compute went."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show one card: what adapts, its knobs, its claims and the notes of the file."""
    if html or run:
        from adabench.reports.site.card_file import write_card_page

        print(write_card_page(address, html or Path(f"{address.replace('/', '-')}.html"), run))
        return
    print(json.dumps(card_document(address)) if as_json else page(address))


def page(address: str) -> str:
    """Write one card for a terminal."""
    entry = registry.find(address)
    card = entry.card
    parts = [f"{entry.address}: {card.title}", _facts(entry)]
    parts += [f"Knobs\n{_knobs(entry)}"] if card.knobs else []
    parts += [f"Metrics\n{_metrics(entry)}"] if card.metrics else []
    parts += [f"Claims\n{_claims(entry)}"] if card.claims else []
    if "/" not in address:
        names = ", ".join(method.name for method in registry.methods(address).values())
        parts.append(
            f"Methods\n{textwrap.fill(names, 96, initial_indent='  ', subsequent_indent='  ')}"
        )
    return "\n\n".join([*parts, essay(entry)])


def _facts(entry: Entry) -> str:
    card = entry.card
    available, reason = registry.availability(entry)
    facts = {
        "role": card.role if "/" in entry.address else "task",
        "fidelity": card.fidelity if "/" in entry.address else "",
        "paper": card.paper,
        "adapts": card.adapts,
        "abilities": ", ".join(map(_ability, card.abilities)),
        "available": "yes" if available else f"no: {reason}",
    }
    return "\n".join(f"  {name:10} {text}" for name, text in facts.items() if text)


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


def _claims(entry: Entry) -> str:
    return "\n".join(
        f"  {claim.id:8} {claim.says}\n           paper: {claim.paper}\n           tested: {claim.expect}"
        for claim in entry.card.claims
    )
