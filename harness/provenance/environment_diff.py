"""What differs between the environments of two runs, and what that forbids.

Every difference has a key, both values and a *field*, which says what it does to a comparison:

- `hardware`: processor, cores, memory, boards, their power limits and clocks, the governor,
  mains or battery; in two pinned profiles also the ceilings, as far as their noise allows
  (`profilers/hardware/machine_profile.py`). Times, joules and bytes of memory of unlike hardware are no
  comparison of methods, so it is refused, or reduced to what does not depend on hardware.
- `software`: driver, CUDA, Python, packages. To compare two of them is a use of `compare`,
  so nothing is refused; the verdicts then speak of the software as much as of the method.
- `source`: the code of a method, or that of its task (below).
- `protocol`: how the run was told to measure (precision, budget, seconds to become steady, cores
  of a worker).
- `instrument`: one that only one of the runs had.
- `state`: commit, kernel, whether methods were confined, an absent witness: it explains a surprise and hinders nothing.

A key that one of the two manifests does not know (an older version wrote it) is no difference.
A manifest that holds no environment at all is unlike every other.

*Has the task changed?* A task that scores or counts differently makes its cells incomparable.
Manifests that hold a digest of the task's own code (key `paging` beside `paging/lru`) say so.
Without one, a method whose digest, of its own and its task's code together, is equal in both
runs proves that the task is the same; if all differ it cannot be told, and that is said. Digests
that were made in different ways (`source_digests.comparable`) tell nothing: a run of before
adabench followed imports is compared as one of which nobody knows whether its code was the same.

*Is a method unchanged?* If its sources are equal in both runs, and so are the software, the
protocol and everything of adabench that it runs on (key `base_sha256`; for runs without it, the
same clean commit). Then no difference of its times is its own: it shows how far the machine drifted.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from adabench.harness.provenance.source_digests import comparable, short
from adabench.profilers.hardware import fingerprint, machine_profile
from adabench.profilers.hardware.machine_profile import InvalidProfile, Profile

Field = Literal["hardware", "software", "source", "protocol", "instrument", "state"]
Changed = Literal["same", "changed", "unknown"]

HARDWARE = (
    "system",
    "machine",
    "cpu_model",
    "virtual",
    "machine_cores",
    "cores",
    "cpu_quota",
    "memory_bytes",
    "governor",
    "power",
    "gpus",
    "visible_gpus",
)
SOFTWARE = ("driver", "cuda", "python_minor", "adabench", "numpy", "torch", "numba")
STATE = ("kernel", "methods", "git_commit", "git_dirty")
PROTOCOL = ("precision", "budget_s", "steady_s")
WORKERS = ("worker_cores", "worker_gpus")
"""What each worker of a fanned-out run had for itself."""
BASE = "base_sha256"
"""The manifest's key of the digest of all that methods run on."""


@dataclass(frozen=True)
class Unlike:
    """One thing in which two runs differ."""

    field: Field
    key: str
    a: Any
    b: Any

    def __str__(self) -> str:
        return f"{self.key} ({' | '.join(self.sides)})"

    @property
    def sides(self) -> tuple[str, str]:
        """Both values in words."""
        return _word(self.a), _word(self.b)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return asdict(self)


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Unlike]:
    """Return everything in which two manifests differ, what forbids most first."""
    ours, theirs = a.get("environment") or {}, b.get("environment") or {}
    if not ours or not theirs:
        told = ("recorded" if side else "not recorded" for side in (ours, theirs))
        found = [Unlike("hardware", "environment", *told)]
    else:
        found = [*_keys("hardware", HARDWARE, ours, theirs)]
    return [
        *found,
        *_profiles(a, b, known={item.key for item in found}),
        *_keys("software", SOFTWARE, ours, theirs),
        *_sources(a, b),
        *_keys("protocol", PROTOCOL, a.get("asked") or {}, b.get("asked") or {}),
        *_keys("protocol", WORKERS, _worker(a), _worker(b)),
        *_instruments(a, b),
        *_keys("state", STATE, ours, theirs),
        *_unwatched(a, b),
    ]


def forbidding(found: Iterable[Unlike]) -> list[Unlike]:
    """Return the differences that make times, joules and bytes incomparable."""
    return [item for item in found if item.field == "hardware"]


def task_changed(task: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> Changed:
    """Say whether a task's own files are the same in two manifests; rules in the docstring."""
    ours, theirs = a.get("sources") or {}, b.get("sources") or {}
    if task in ours and task in theirs and comparable(ours[task], theirs[task]):
        return "same" if ours[task] == theirs[task] else "changed"
    methods = [name for name in ours.keys() & theirs.keys() if name.startswith(f"{task}/")]
    return "same" if any(ours[name] == theirs[name] for name in methods) else "unknown"


def unchanged(a: Mapping[str, Any], b: Mapping[str, Any]) -> frozenset[str]:
    """Return the methods of which nothing that could change their times differs."""
    if any(item.field in ("hardware", "software", "protocol") for item in differences(a, b)):
        return frozenset()
    bases = a.get(BASE), b.get(BASE)
    if bases[0] != bases[1] if all(bases) else not _same_commit(a, b):
        return frozenset()  # a base of another scheme is not known to be the same
    ours, theirs = a.get("sources") or {}, b.get("sources") or {}
    return frozenset(name for name in ours if "/" in name and theirs.get(name) == ours[name])


def profile_of(manifest: Mapping[str, Any]) -> Profile | str:
    """Return the hardware profile that a run was checked against, or why there is none to use."""
    kept = manifest.get("profile")
    if not kept:
        return "it names no hardware profile"
    if kept.get("differs"):
        return (
            f"its machine is not that of the profile {kept.get('name')} (--allow-hardware-mismatch)"
        )
    try:
        return machine_profile.from_json(kept.get("pinned") or {})
    except InvalidProfile as broken:
        return f"its hardware profile cannot be read: {broken}"


def _same_commit(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    ours, theirs = (side.get("environment") or {} for side in (a, b))
    clean = not any(side.get("git_dirty", True) for side in (ours, theirs))
    return clean and bool(ours.get("git_commit")) and ours["git_commit"] == theirs.get("git_commit")


def _keys(
    field: Field, keys: Iterable[str], a: Mapping[str, Any], b: Mapping[str, Any]
) -> Iterator[Unlike]:
    for key in keys:
        if key in a and key in b and not _agree(key, a[key], b[key]):
            yield Unlike(field, key, a[key], b[key])


def _worker(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a worker had; a run that was not fanned out had all that its process was given."""
    if "worker_cores" in manifest:
        return {key: manifest.get(key) for key in WORKERS}
    cores = (manifest.get("environment") or {}).get("cores")
    return {} if cores is None else {"worker_cores": cores}


def _agree(key: str, a: Any, b: Any) -> bool:
    if key == "memory_bytes" and a and b:
        return bool(abs(a - b) <= fingerprint.MEMORY * max(a, b))
    return bool(a == b)


def _profiles(a: Mapping[str, Any], b: Mapping[str, Any], known: Iterable[str]) -> Iterator[Unlike]:
    """Hold the profiles of two runs against each other; `known` keys are not said twice."""
    ours, theirs = profile_of(a), profile_of(b)
    if isinstance(ours, str) or isinstance(theirs, str):
        if ours != theirs:
            told = (side if isinstance(side, str) else "pinned" for side in (ours, theirs))
            yield Unlike("state", "profile", *told)
        return
    for item in fingerprint.differences(ours.fingerprint, theirs.fingerprint):
        if item.key not in known and item.key not in SOFTWARE:
            yield Unlike("hardware", item.key, item.then, item.now)
    for judged in machine_profile.judge(ours, theirs):
        if judged.word == "differs":
            values = (side.value if side else None for side in (judged.then, judged.now))
            yield Unlike("hardware", judged.key, *values)


def _sources(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Unlike]:
    ours, theirs = a.get("sources") or {}, b.get("sources") or {}
    for key in sorted(ours.keys() & theirs.keys()):
        if ours[key] != theirs[key] and comparable(ours[key], theirs[key]):
            yield Unlike("source", key, short(ours[key]), short(theirs[key]))


def _instruments(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Unlike]:
    ours, theirs = _labels(a), _labels(b)
    for name in sorted(ours.keys() | theirs.keys()):
        one, other = ours.get(name, "unavailable"), theirs.get(name, "unavailable")
        if one != other:
            yield Unlike("instrument", name, one, other)


def _labels(manifest: Mapping[str, Any]) -> dict[str, str]:
    return {
        item["name"]: str(item.get("label")) if item.get("available") else "unavailable"
        for item in manifest.get("instruments") or ()
    }


def _unwatched(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Unlike]:
    ours, theirs = a.get("unwatched") or {}, b.get("unwatched") or {}
    for name in sorted(ours.keys() ^ theirs.keys()):
        told = ("unwatched" if name in side else "watched" for side in (ours, theirs))
        yield Unlike("state", name, *told)


def _word(value: Any) -> str:
    if value is None or value == []:
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
