"""Hardware profiles held against this machine: read, compared, and asked before a run.

A profile is a path, or the name of one that ships with adabench (`profilers/**/pinned/`).
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adabench.harness.errors import EnvironmentProblem, NoInstrument, SelectionError, nearest

if TYPE_CHECKING:
    from adabench.profilers.hardware.fingerprint import Difference
    from adabench.profilers.hardware.machine_profile import CeilingComparison, Profile

MARKED = "or run with --allow-hardware-mismatch, which marks the run."
Say = Callable[[str], None]


def pinned_folder() -> Path:
    """Return the folder of the profiles that ship with adabench."""
    from adabench.profilers.hardware import machine_profile as hardware

    return Path(hardware.__file__).with_name("pinned")


def read_profile(name: str) -> "Profile":
    """Return a profile by its path, or by the name of a shipped one.

    Raises:
        SelectionError: if there is none, or it cannot be read.
    """
    from adabench.profilers.hardware.machine_profile import InvalidProfile, from_toml

    shipped = pinned_folder()
    path = Path(name) if Path(name).is_file() else shipped / f"{name}.toml"
    try:
        return from_toml(path.read_text(encoding="utf-8"))
    except FileNotFoundError as missing:
        names = [path.stem for path in shipped.glob("*.toml")]
        raise SelectionError(
            f"There is no hardware profile {name!r}.",
            f"adabench hardware pin > FILE.toml makes one. {nearest(name, names)}".strip(),
        ) from missing
    except (OSError, UnicodeDecodeError, InvalidProfile, RecursionError) as broken:
        raise SelectionError(
            f"{name} cannot be read as a hardware profile: {broken}.",
            "adabench hardware pin > FILE.toml makes one.",
        ) from broken


def pin_machine(seconds: float | None = None, say: Say = lambda _: None) -> "Profile":
    """Pin this machine; `say` is told what could not be measured just now.

    Raises:
        NoInstrument: if the ceilings cannot be measured.
    """
    from adabench.profilers.hardware import machine_profile as hardware
    from adabench.profilers.hardware.ceilings import QUICK_S
    from adabench.profilers.nvml import Unmetered

    try:
        profile = hardware.pin(seconds=seconds or QUICK_S)
    except Unmetered as problem:
        raise NoInstrument(str(problem), "adabench doctor says what is missing.") from problem
    passing = [name for name, item in profile.ceilings.items() if item.passing]
    if passing:
        reason = profile.ceilings[passing[0]].unavailable
        say(f"Not measured just now: {', '.join(passing)}. {reason} Repeat it on a quiet machine.")
    return profile


def compare_machine(
    then: "Profile", *, identity: bool = False, say: Say = lambda _: None
) -> tuple[list["Difference"], list["CeilingComparison"]]:
    """Hold this machine against a profile; ceilings only where the fingerprint agrees.

    Raises:
        NoInstrument: if the ceilings cannot be measured.
    """
    from adabench.profilers.hardware import fingerprint
    from adabench.profilers.hardware import machine_profile as hardware

    differences = fingerprint.differences(then.fingerprint, fingerprint.fingerprint())
    if identity or differences:
        return differences, []
    return differences, hardware.judge(then, pin_machine(say=say))


def admit_machine(
    name: str | None, *, off_profile: bool = False, say: Say = lambda _: None
) -> dict[str, Any] | None:
    """Check this machine for a run and return what its manifest keeps of it; None without.

    Raises:
        SelectionError: for `off_profile` without a profile, or a file that is none.
        EnvironmentProblem: if the machine differs and `off_profile` does not say to go on.
    """
    from adabench.profilers.hardware import machine_profile as hardware

    if name is None:
        if off_profile:
            raise SelectionError("--allow-hardware-mismatch says nothing without --hardware FILE.")
        return None
    then = read_profile(name)
    differences, verdicts = compare_machine(then, say=say)
    if not off_profile:
        refuse_difference(name, differences, verdicts)
    return {
        "name": Path(name).stem,
        "differs": differing_keys(differences, verdicts),
        "not_judged": [str(item) for item in verdicts if item.word == "not judged"],
        "pinned": hardware.to_json(then),
    }


def mismatch_warnings(manifest: Mapping[str, Any]) -> list[str]:
    """Return the warning that a run on another machine than its profile's carries."""
    profile = manifest.get("profile") or {}
    if not profile.get("differs"):
        return []
    sentence = (
        f"This machine is not that of the hardware profile {profile['name']}: "
        f"{', '.join(profile['differs'])}. The run went on because --allow-hardware-mismatch said so; "
        "its times and joules must not stand beside those of that machine."
    )
    return [sentence]


def refuse_difference(
    name: str,
    differences: Sequence["Difference"],
    verdicts: Sequence["CeilingComparison"] = (),
    otherwise: str = MARKED,
) -> None:
    """Refuse a machine that differs; `otherwise` ends the hint.

    Raises:
        EnvironmentProblem: naming every key that differs.
    """
    keys = differing_keys(differences, verdicts)
    if keys:
        raise EnvironmentProblem(
            f"This machine is not that of {name}: {', '.join(keys)}.",
            f"Pin it anew (adabench hardware pin > FILE.toml), {otherwise}",
        )


def differing_keys(
    differences: Sequence["Difference"], verdicts: Sequence["CeilingComparison"]
) -> list[str]:  # fmt: skip
    """Return what differs, each with its key and both values."""
    return [
        *(str(item) for item in differences),
        *(str(item) for item in verdicts if item.word == "differs"),
    ]
