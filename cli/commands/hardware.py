"""`adabench hardware`: a machine as a file, and that file held against a machine.

FILE is a path, or the name of a profile that ships with adabench.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adabench.cli.selection import AsJson
from adabench.cli.terminal import talk, verdict_output
from adabench.harness.provenance.hardware_profile import (
    compare_machine,
    differing_keys,
    pin_machine,
    read_profile,
    refuse_difference,
)

if TYPE_CHECKING:
    from adabench.profilers.hardware.fingerprint import Difference
    from adabench.profilers.hardware.machine_profile import CeilingComparison

SLOW_S = 1.5
"""Seconds per ceiling for `calibrate`."""

app = typer.Typer(
    help="Describe this machine as a profile, and compare machines with it.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
)

File = Annotated[str, typer.Argument(help="A profile: a path, or the name of a shipped one.")]


@app.command()
def pin() -> None:
    """Write this machine's profile to stdout: adabench hardware pin > FILE.toml."""
    from adabench.profilers.hardware import machine_profile

    print(machine_profile.to_toml(pin_machine(say=talk)), end="")


@app.command()
def check(
    file: File,
    identity: Annotated[
        bool, typer.Option("--identity", help="The fingerprint alone: measure nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare this machine with a profile; exit 3 if it differs, naming the keys."""
    differences, verdicts = compare_machine(read_profile(file), identity=identity, say=talk)
    with verdict_output():
        _show(differences, verdicts, as_json)
    refuse_difference(file, differences, verdicts)


@app.command()
def diff(a: File, b: File, as_json: AsJson = False) -> None:
    """Compare two profiles; exit 1 if they differ."""
    from adabench.profilers.hardware import fingerprint, machine_profile

    then, now = read_profile(a), read_profile(b)
    differences = fingerprint.differences(then.fingerprint, now.fingerprint)
    verdicts = machine_profile.judge(then, now)
    with verdict_output():
        _show(differences, verdicts, as_json)
    raise typer.Exit(1 if differing_keys(differences, verdicts) else 0)


@app.command()
def calibrate(file: File) -> None:
    """Measure a profile's ceilings again, ten times as long, and write it to stdout.

    The machine must be that of the profile (exit 3); what moved is said on stderr.
    """
    from adabench.profilers.hardware import machine_profile

    then = read_profile(file)
    differences, _ = compare_machine(then, identity=True)
    refuse_difference(file, differences)
    now = pin_machine(SLOW_S, talk)
    for item in machine_profile.judge(then, now):
        if item.word != "same":
            talk(f"{item.word}: {item}")
    print(machine_profile.to_toml(now), end="")


def _show(
    differences: Sequence["Difference"], verdicts: Sequence["CeilingComparison"], as_json: bool
) -> None:
    if as_json:
        print(json.dumps(_document(differences, verdicts)))
    else:
        print(_page(differences, verdicts))


def _document(
    differences: Sequence["Difference"], verdicts: Sequence["CeilingComparison"]
) -> dict[str, Any]:
    return {
        "same": not differing_keys(differences, verdicts),
        "differences": [item._asdict() for item in differences],
        "ceilings": [
            {"key": item.key, "verdict": item.word, "reason": item.reason} for item in verdicts
        ],
    }


def _page(differences: Sequence["Difference"], verdicts: Sequence["CeilingComparison"]) -> str:
    lines = [f"differs     {item}" for item in differences]
    lines += [
        f"{item.word:10}  {item.key:24} {item.reason}"
        for item in verdicts
        if item.reason != "unavailable in both"
    ]
    fingerprint = "differs" if differences else "agrees"
    silent = sum(item.reason == "unavailable in both" for item in verdicts)
    return "\n".join(
        [f"The fingerprint {fingerprint}.", *lines]
        + ([f"{silent} ceilings are unavailable in both."] if silent else [])
    )
