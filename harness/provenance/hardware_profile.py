"""`adabench hardware`: a machine as a file, and that file held against a machine.

FILE is a path, or the name of a profile that ships with adabench (`profilers/hardware/pinned/`).
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adabench.harness.errors import EnvironmentProblem, NoInstrument, SelectionError, nearest

if TYPE_CHECKING:
    from adabench.profilers.hardware.fingerprint import Difference
    from adabench.profilers.hardware.profile import Judged, Profile

PINNED = Path(__file__).resolve().parents[1] / "profilers" / "hardware" / "pinned"
MARKED = "or run with --off-profile, which marks the run."
SLOW_S = 1.5
"""Seconds per ceiling for `calibrate`."""

app = typer.Typer(
    help="Describe this machine as a profile, and hold machines against it.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)

File = Annotated[str, typer.Argument(help="A profile: a path, or the name of a shipped one.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]


@app.command()
def pin() -> None:
    """Write this machine's profile to stdout: adabench hardware pin > FILE.toml."""
    from adabench.profilers.hardware import profile as hardware

    print(hardware.to_toml(_here()), end="")


@app.command()
def check(
    file: File,
    identity: Annotated[
        bool, typer.Option("--identity", help="The fingerprint alone: measure nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Hold this machine against a profile; exit 3 if it differs, naming the keys."""
    differences, judged = held(read(file), identity=identity)
    if as_json:
        print(json.dumps(_document(differences, judged)))
    else:
        print(_page(differences, judged))
    refuse(file, differences, judged)


@app.command()
def diff(a: File, b: File, as_json: AsJson = False) -> None:
    """Hold two profiles against each other; exit 1 if they differ."""
    from adabench.profilers.hardware import fingerprint
    from adabench.profilers.hardware import profile as hardware

    then, now = read(a), read(b)
    differences = fingerprint.differences(then.fingerprint, now.fingerprint)
    judged = hardware.judge(then, now)
    if as_json:
        print(json.dumps(_document(differences, judged)))
    else:
        print(_page(differences, judged))
    raise typer.Exit(1 if differing(differences, judged) else 0)


@app.command()
def calibrate(file: File) -> None:
    """Measure a profile's ceilings again, ten times as long, and write it to stdout.

    The machine must be that of the profile (exit 3); what moved is said on stderr.
    """
    from adabench.profilers.hardware import profile as hardware

    then = read(file)
    differences, _ = held(then, identity=True)
    refuse(file, differences, [])
    now = _here(SLOW_S)
    for item in hardware.judge(then, now):
        if item.word != "same":
            print(f"{item.word}: {item}", file=sys.stderr)
    print(hardware.to_toml(now), end="")


def read(name: str) -> "Profile":
    """Return a profile by its path, or by the name of a shipped one.

    Raises:
        SelectionError: if there is none, or it cannot be read.
    """
    from adabench.profilers.hardware.profile import BadProfile, from_toml

    path = Path(name) if Path(name).is_file() else PINNED / f"{name}.toml"
    try:
        return from_toml(path.read_text(encoding="utf-8"))
    except FileNotFoundError as missing:
        shipped = [path.stem for path in PINNED.glob("*.toml")]
        raise SelectionError(
            f"There is no hardware profile {name!r}.",
            f"adabench hardware pin > FILE.toml makes one. {nearest(name, shipped)}".strip(),
        ) from missing
    except (OSError, UnicodeDecodeError, BadProfile) as broken:
        raise SelectionError(
            f"{name} cannot be read as a hardware profile: {broken}.",
            "adabench hardware pin > FILE.toml makes one.",
        ) from broken


def held(then: "Profile", *, identity: bool = False) -> tuple[list["Difference"], list["Judged"]]:
    """Hold this machine against a profile; ceilings only where the fingerprint agrees.

    Raises:
        NoInstrument: if the ceilings cannot be measured.
    """
    from adabench.profilers.hardware import fingerprint
    from adabench.profilers.hardware import profile as hardware

    differences = fingerprint.differences(then.fingerprint, fingerprint.fingerprint())
    if identity or differences:
        return differences, []
    return differences, hardware.judge(then, _here())


def admitted(name: str | None, *, off_profile: bool) -> dict[str, Any] | None:
    """Check this machine for a run and return what its manifest keeps of it; None without.

    Raises:
        SelectionError: for `off_profile` without a profile, or a file that is none.
        EnvironmentProblem: if the machine differs and `off_profile` does not say to go on.
    """
    from adabench.profilers.hardware import profile as hardware

    if name is None:
        if off_profile:
            raise SelectionError("--off-profile says nothing without --profile FILE.")
        return None
    then = read(name)
    differences, judged = held(then)
    if not off_profile:
        refuse(name, differences, judged)
    return {
        "name": Path(name).stem,
        "differs": differing(differences, judged),
        "not_judged": [str(item) for item in judged if item.word == "not judged"],
        "pinned": hardware.to_json(then),
    }


def marks(manifest: dict[str, Any]) -> list[str]:
    """Return the warning that a run on another machine than its profile's carries."""
    profile = manifest.get("profile") or {}
    if not profile.get("differs"):
        return []
    sentence = (
        f"This machine is not that of the hardware profile {profile['name']}: "
        f"{', '.join(profile['differs'])}. The run went on because --off-profile said so; "
        "its times and joules must not stand beside those of that machine."
    )
    return [sentence]


def refuse(
    name: str, differences: list["Difference"], judged: list["Judged"], otherwise: str = MARKED
) -> None:
    """Refuse a machine that differs; `otherwise` ends the hint.

    Raises:
        EnvironmentProblem: naming every key that differs.
    """
    found = differing(differences, judged)
    if found:
        raise EnvironmentProblem(
            f"This machine is not that of {name}: {', '.join(found)}.",
            f"Pin it anew (adabench hardware pin > FILE.toml), {otherwise}",
        )


def differing(differences: list["Difference"], judged: list["Judged"]) -> list[str]:
    """Return what differs, each with its key and both values."""
    return [
        *(str(item) for item in differences),
        *(str(item) for item in judged if item.word == "differs"),
    ]


def _here(seconds: float | None = None) -> "Profile":
    """Pin this machine; say on stderr what could not be measured just now."""
    from adabench.profilers.hardware import profile as hardware
    from adabench.profilers.hardware.ceilings import QUICK_S
    from adabench.profilers.nvml import Unmetered

    try:
        found = hardware.pin(seconds=seconds or QUICK_S)
    except Unmetered as problem:
        raise NoInstrument(str(problem), "adabench doctor says what is missing.") from problem
    passing = [name for name, item in found.ceilings.items() if item.passing]
    if passing:
        reason = found.ceilings[passing[0]].unavailable
        print(
            f"Not measured just now: {', '.join(passing)}. {reason} Repeat it on a quiet machine.",
            file=sys.stderr,
        )
    return found


def _document(differences: list["Difference"], judged: list["Judged"]) -> dict[str, Any]:
    return {
        "same": not differing(differences, judged),
        "differences": [item._asdict() for item in differences],
        "ceilings": [
            {"key": item.key, "verdict": item.word, "reason": item.reason} for item in judged
        ],
    }


def _page(differences: list["Difference"], judged: list["Judged"]) -> str:
    lines = [f"differs     {item}" for item in differences]
    lines += [
        f"{item.word:10}  {item.key:24} {item.reason}"
        for item in judged
        if item.reason != "unavailable in both"
    ]
    fingerprint = "differs" if differences else "agrees"
    silent = sum(item.reason == "unavailable in both" for item in judged)
    return "\n".join(
        [f"The fingerprint {fingerprint}.", *lines]
        + ([f"{silent} ceilings are unavailable in both."] if silent else [])
    )
