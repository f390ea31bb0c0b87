"""What a method's process may open: its libraries, its task but for `truth/`, a scratch folder, a cache.

    places = LocalPlaces.found(scratch)          in the server, once
    enter(places.domain(needs, own))             in the process, before the method is imported

Landlock knows only what is allowed, and a folder is allowed with all below it. So where something in a folder is
to stay closed, what lies beside it is allowed one by one. Names that come later are closed too.
"""

import os
import sys
import tempfile
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import adabench
from adabench.harness.run.guards.landlock import Confinement, Domain, enter
from adabench.harness.run.guards.truth_guard import TRUTH
from adabench.harness.store.compiled_kernels import kernels_folder
from adabench.harness.store.prepared_states import default_folder

SYSTEM = (
    "/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc", "/nix/store", "/opt/rocm", "/proc", "/run/systemd/resolve",
    "/sys/bus", "/sys/class", "/sys/devices", "/sys/fs/cgroup", "/sys/kernel/mm", "/sys/module",
    "/dev/full", "/dev/random", "/dev/urandom", "/dev/zero",
)  # fmt: skip
"""Libraries and what says how the machine is made. Of another process `/proc` tells a domain its name and times,
and neither its memory nor its variables and files."""
OWN = ("/proc/self", "/dev/null")
"""To be written too: our probes clear the peak of memory."""
DEVICES = ("/dev/dri", "/dev/kfd", "/dev/shm")
"""With those of `/dev/nvidia*`, of methods on a device."""
COMPILED = (".nv", ".triton")
"""Below the home folder, where libraries of devices put what they compile."""
OF_PREFIX = ("bin", "etc", "include", "lib", "lib64", "share", "pyvenv.cfg")
"""Of an environment of Python: its folder may hold a user's projects."""
CACHED, LENT = ("checkpoints", "data", "kernels", "mip", "retrofits"), ("models", "servers")
"""Of the cache folder: what methods' processes write, and what they read. States and counts, which are results, and
the key of seals are neither."""
MODELS = ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "TORCH_HOME", "LD_LIBRARY_PATH")
"""Variables that name folders to read."""
HOMES = (".cache/huggingface", ".cache/matplotlib", ".cache/torch", ".config/matplotlib")
OPEN = "ADABENCH_OPEN"
"""The variable that names folders of the user's which methods may use as they like."""
RUN = "run.json"
PACKED = (".dist-info", ".egg-info", ".py", ".so", ".zip")
"""Ends of what an import reads beside packages."""


@dataclass(frozen=True)
class MethodNeeds:
    """What the process of one method must reach beside what all of them may."""

    folder: str
    """The method's own."""
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    network: bool = False
    truth: bool = False
    """Whether it is an oracle, or tries the rules of a task."""
    on_device: bool = False


@dataclass
class LocalPlaces:
    """What all methods of a server may open; looked for once."""

    named: tuple[str, ...] = field(default_factory=lambda: tuple(sys.path))
    """Where modules are looked for."""
    folders: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By folder of a method: what lies in it and may be read."""

    def domain(self, needs: MethodNeeds, scratch: str) -> Domain:
        """Return the domain of a method whose temporary files go to `scratch`."""
        folder = needs.folder
        if folder not in self.folders and not _is_below(folder, self.roots):
            self.folders[folder] = tuple(_readable(folder, any_file=True))
        beside = self.folders.get(folder, ())
        truth = self.truth if needs.truth else ()
        devices = _devices() if needs.on_device else ()
        return Domain(
            read=(*self.read, *truth, *beside, *needs.read),
            listed=(*self.named, *((folder,) if beside else ())),
            write=(*OWN, *devices, *self.write, *needs.write, scratch),
            network=needs.network,
        )

    @cached_property
    def package(self) -> list[str]:
        """The folders of adabench: harness, workloads and others."""
        children = [child for place in adabench.__path__ for child in _children(place)]
        return [os.path.realpath(child) for child in children]

    @cached_property
    def truth(self) -> tuple[str, ...]:
        """All folders of truth of adabench's tasks."""
        [workloads] = [one for one in self.package if os.path.basename(one) == "workloads"]
        return tuple(_folders_called(TRUTH, workloads))

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """Folders that are readable, but for truth below them."""
        prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
        prefixes |= {str(Path(sys.executable).resolve().parents[1])}
        ours = [os.path.join(one, part) for one in sorted(prefixes) for part in OF_PREFIX]
        variables = [os.environ.get(name, "").split(os.pathsep) for name in (*MODELS, *_adabench())]
        homes = [os.path.join(Path.home(), name) for name in HOMES]
        cached = [str(default_folder() / name) for name in LENT]
        lent = [os.path.realpath(one) for place in cached for one in _children(place)]
        words = [word for words in variables for word in words]
        return tuple(dict.fromkeys(filter(os.path.isabs, (
            *SYSTEM, *ours, *self.package, *words, *homes, *cached, *lent,
        ))))  # fmt: skip

    @cached_property
    def read(self) -> tuple[str, ...]:
        """What may be read: the roots, but for truth; modules and packages beside them."""
        found = [path for root in self.roots for path in open_below(root, self.truth)]
        others = [place for place in self.named if place and not _is_below(place, self.roots)]
        return (*found, *(path for place in others for path in _readable(place)))

    @cached_property
    def write(self) -> tuple[str, ...]:
        """The parts of the cache that hold no results, and what the user opens."""
        places = [default_folder() / name for name in CACHED]
        for place in (*places, kernels_folder()):
            with suppress(OSError):
                place.mkdir(parents=True, exist_ok=True)
        opened = [one for one in os.environ.get(OPEN, "").split(os.pathsep) if one]
        return (*map(str, places), str(kernels_folder()), *opened)


def confine(places: LocalPlaces, needs: MethodNeeds, scratch: str) -> Confinement:
    """Confine this process, whose temporary files go to `scratch` from now on."""
    tempfile.tempdir = os.environ["TMPDIR"] = scratch
    return enter(places.domain(needs, scratch))


def needs_from_json(plain: Mapping[str, Any]) -> MethodNeeds:
    """Rebuild needs from plain data."""
    return MethodNeeds(**{**plain, "read": tuple(plain["read"]), "write": tuple(plain["write"])})


def open_below(root: str, closed: Iterable[str]) -> Iterator[str]:
    """Yield what covers all of a folder but for what is closed in it."""
    own = os.path.realpath(root)
    inside = [path for path in closed if _is_below(path, (own,))]
    if not inside:
        yield root
    elif own not in inside:
        for child in _children(own):
            yield from open_below(child, inside)


def _readable(folder: str, *, any_file: bool = False) -> Iterator[str]:
    """Yield what of a folder is there to be imported: no run, nothing hidden."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name == TRUTH:
                continue
            if entry.is_dir():
                if entry.name.endswith(PACKED) or not _holds_runs(entry.path):
                    yield entry.path
            elif any_file or entry.name.endswith(PACKED):
                yield entry.path


def _holds_runs(folder: str) -> bool:
    """Say whether a folder is a run's, or has runs in it."""
    places = (folder, *_children(folder))
    return any(os.path.exists(os.path.join(place, RUN)) for place in places)


def _folders_called(name: str, root: str) -> Iterator[str]:
    for folder, inner, _ in os.walk(root):
        if name in inner:
            yield os.path.join(folder, name)
        inner[:] = [one for one in inner if one not in (name, "__pycache__")]


def _children(folder: str) -> list[str]:
    try:
        return [os.path.join(folder, name) for name in os.listdir(folder)]
    except OSError:  # a file, or not there
        return []


def _is_below(path: str, roots: Iterable[str]) -> bool:
    own = os.path.realpath(path)
    return any(f"{own}/".startswith(f"{os.path.realpath(root)}/") for root in roots)


def _adabench() -> list[str]:
    """Return the variables of ours that name places: the cache has parts that are closed."""
    names = [name for name in os.environ if name.startswith("ADABENCH_")]
    return [name for name in names if name not in ("ADABENCH_CACHE", OPEN)]


def _devices() -> tuple[str, ...]:
    """Return devices, and where their libraries compile; both may be written."""
    home = Path.home()
    for name in COMPILED:
        with suppress(OSError):
            (home / name).mkdir(exist_ok=True)
    boards = [path for path in _children("/dev") if path.startswith("/dev/nvidia")]
    return (*DEVICES, *boards, *(str(home / name) for name in COMPILED))
