"""What a method's process may open: its libraries, its task but for `truth/`, a scratch folder, a cache.

    enter, scratch = places.ready(order["needs"])     in the server, before it forks; looked for once
    enter()                                           in the process, before the method is imported

Landlock knows only what is allowed, and a folder is allowed with all below it. So where something in a folder is
to stay closed, what lies beside it is allowed one by one. Names that come later are closed too.
"""

import functools
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from adabench.harness.files.scratch_folder import scratch_folder
from adabench.harness.run.guards.landlock import (
    Confinement,
    Domain,
    Rules,
    confinement,
    enter,
    open_rules,
)
from adabench.harness.run.guards.method_needs import MethodNeeds, needs_from_json
from adabench.harness.run.guards.truth_guard import TRUTH
from adabench.harness.store.prepared_states import default_folder

SYSTEM = (
    "/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc", "/nix/store", "/opt/rocm", "/proc", "/sys",
    "/run/systemd/resolve", "/dev/full", "/dev/random", "/dev/urandom", "/dev/zero",
)  # fmt: skip
"""Libraries and what says how the machine is made. Of another process `/proc` tells a domain its name and times,
and neither its memory nor its variables and files."""
OWN = ("/proc/self", "/dev/null")
"""To be written too: our probes clear the peak of memory."""
SHARED_MEMORY = ("/dev/shm",)
"""Of methods on a device, and of several processes."""
SERIAL = ("JOBLIB_MULTIPROCESSING", "0")
"""So joblib does not warn that it has no shared memory."""
DEVICES = ("/dev/dri", "/dev/kfd")
"""With `/dev/nvidia*`, of methods on a device."""
COMPILED = (".nv", ".triton")
"""Below the home folder, where libraries of devices put what they compile."""
OF_PREFIX = ("bin", "etc", "include", "lib", "lib64", "share", "pyvenv.cfg")
"""Of an environment of Python: its folder may hold a user's projects."""
LENT = ("checkpoints", "data", "mip", "models", "retrofits", "servers")
"""Of the cache folder: what methods' processes read. States and counts, which are results, and the key of seals are
not among it."""
MADE = {"mip": ("mip",), "pretrained": ("data", "retrofits")}
"""By task: of that, what its engine writes once for all that follow."""
MODELS = (
    "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "LD_LIBRARY_PATH", "TORCH_HOME",
    "ADABENCH_CONSTRUCTIONS", "ADABENCH_WORDNET",
)  # fmt: skip
"""Variables that name folders or files to read."""
HOMES = (".cache/huggingface", ".cache/matplotlib", ".cache/torch", ".config/matplotlib")
OPEN = "ADABENCH_OPEN"
"""The variable that names folders of the user's which methods may use as they like."""
RUN = "run.json"
MODULES = (".dist-info", ".egg-info", ".py", ".so", ".zip", ".pth", ".egg-link")
"""Ends of what an import reads beside packages."""
MOST_SETS = 3
"""Of rules that stay open at once: one of methods, one of oracles and rules of a task, one of somebody's file."""


@dataclass
class LocalPlaces:
    """What all methods of a server may open; looked for once."""

    sets: dict[MethodNeeds, Rules] = field(default_factory=dict)
    """By needs; the set used last comes last."""
    scratches: dict[int, str] = field(default_factory=dict)
    """By process id: its folder for temporary files."""
    _scratch: ExitStack = field(default_factory=ExitStack)

    def ready(self, needs: Mapping[str, Any]) -> tuple[Callable[[], Confinement], str]:
        """Return what confines a process to what it needs, given as plain data, and its scratch folder."""
        own = needs_from_json(needs)
        scratch = tempfile.mkdtemp(dir=self.scratch)
        return functools.partial(confine, own, self.rules(own), scratch), scratch

    def forget(self, process: int) -> None:
        """Remove what a process that has ended wrote."""
        shutil.rmtree(self.scratches.pop(process), ignore_errors=True)

    def close(self) -> None:
        """Remove what any process wrote."""
        self._scratch.close()

    @cached_property
    def scratch(self) -> Path:
        """A folder for those of processes, which is gone with this one."""
        return self._scratch.enter_context(scratch_folder("methods"))

    def rules(self, needs: MethodNeeds) -> Rules:
        """Return rules of what a method may open beside what is its process's own."""
        found = self.sets.pop(needs, None)
        while found is None and len(self.sets) >= MOST_SETS:
            self.sets.pop(next(iter(self.sets))).close()
        self.sets[needs] = found = found or open_rules(self.domain(needs))
        return found

    def domain(self, needs: MethodNeeds) -> Domain:
        """Return what a method may open, but for what only its process can name."""
        closed = () if needs.truth else self.truth
        ours = [one for root in self.roots for one in covering(root, (self.workloads,))]
        families = self.families(needs.task)
        tasks = [one for root in families for one in covering(root, closed)]
        tasks += [one for root in families for one in link_targets(root, truth=needs.truth)]
        named = [os.path.realpath(place) for place in sys.path if place]
        outside = {os.path.realpath(place) for place in (needs.task, needs.folder)}
        near = [place for place in (*named, *outside) if not self._is_known(place)]
        beside = [path for place in near for path in _readable(place, any_file=place in outside)]
        shut = (*needs.closed, self.workloads, self.recorded)
        found = [one for path in beside for one in covering(path, shut)]
        return Domain(
            read=tuple(dict.fromkeys((*ours, *tasks, *found, *needs.read))),
            listed=(self.workloads, *near),
            write=tuple(dict.fromkeys((*_made(needs), *_shared(needs), *needs.write))),
        )

    def families(self, task: str) -> list[str]:
        """Return the folders of adabench's tasks that one may read, but for truth: its family, and what all share.

        A task of somebody else's may build on any.
        """
        own = os.path.realpath(task)
        every = [path for path in _children(self.workloads) if os.path.isdir(path)]
        mine = [path for path in every if is_below(own, path)]
        files = [path for path in _children(self.workloads) if not os.path.isdir(path)]
        shared = [path for path in every if os.path.basename(path) in ("shared", "papers")]
        return [*files, *shared, *mine] if mine else _children(self.workloads)

    @cached_property
    def package(self) -> list[str]:
        """The parts of adabench: harness, workloads and others."""
        homes = list(sys.modules[__name__.partition(".")[0]].__path__)
        parts = [child for home in homes for child in _children(home)]
        return [*map(os.path.realpath, parts), *homes]

    @cached_property
    def workloads(self) -> str:
        """The folder of adabench's tasks."""
        return next(one for one in self.package if os.path.basename(one) == "workloads")

    @cached_property
    def recorded(self) -> str:
        """The folder of recorded runs of a checkout."""
        return os.path.join(os.path.dirname(self.workloads), "docs", "recorded")

    @cached_property
    def truth(self) -> tuple[str, ...]:
        """All folders of truth of adabench's tasks: of a family, or of a task."""
        every = (Path(self.workloads).glob(f"{depth}/{TRUTH}") for depth in ("*", "*/*"))
        return tuple(str(path) for found in every for path in found)

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """Folders that are readable, but for tasks below them."""
        prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
        prefixes |= {str(Path(sys.executable).resolve().parents[1])}
        ours = [os.path.join(one, part) for one in sorted(prefixes) for part in OF_PREFIX]
        words = [word for name in MODELS for word in os.environ.get(name, "").split(os.pathsep)]
        homes = [os.path.join(Path.home(), name) for name in HOMES]
        cached = [str(default_folder() / name) for name in LENT]
        lent = _children(str(default_folder() / "models"))  # they may be links
        package = [one for one in self.package if one != self.workloads]
        linked = [one for place in sys.path for one in linked_packages(place)]
        every = (*SYSTEM, *ours, *package, *words, *homes, *cached, *lent, *linked)
        found = [os.path.realpath(one) for one in every if os.path.isabs(one)]
        return tuple(dict.fromkeys(path for path in found if os.path.exists(path)))

    def _is_known(self, place: str) -> bool:
        return any(is_below(place, root) for root in (*self.roots, self.workloads))


def confine(needs: MethodNeeds, rules: Rules, scratch: str) -> Confinement:
    """Confine this process, whose temporary files go to `scratch` from now on."""
    tempfile.tempdir = os.environ["TMPDIR"] = scratch
    if not needs.on_device and not needs.in_processes and confinement().files:
        os.environ.setdefault(*SERIAL)
    return enter(Domain(write=(*OWN, scratch), network=needs.network), rules)


def covering(root: str, closed: Iterable[str]) -> Iterator[str]:
    """Yield what covers all of a folder but for what is closed in it; all are paths without links."""
    inside = [path for path in closed if is_below(path, root)]
    if not inside:
        yield root
    elif root not in inside:
        for child in _children(root):
            yield from covering(child, inside)


def link_targets(root: str, *, truth: bool) -> Iterator[str]:
    """Yield where links below a folder lead, without their truth unless it is asked for.

    The kernel asks where a file is, and not by which name it was opened.
    """
    for folder, folders, files in os.walk(root):
        if not truth:
            folders[:] = [name for name in folders if name != TRUTH]
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            if os.path.islink(path):
                real = os.path.realpath(path)
                inside = [] if truth else [str(one) for one in Path(real).glob(f"**/{TRUTH}")]
                yield from covering(real, inside)


def linked_packages(place: str) -> Iterator[str]:
    """Yield where packages of a folder of libraries are, whose files are links to a store (`uv --link-mode symlink`)."""
    for path in _children(place) if place.endswith("-packages") else ():
        first = os.path.join(path, "__init__.py")
        if os.path.islink(path):
            yield os.path.realpath(path)
        elif os.path.islink(first):
            yield os.path.dirname(os.path.realpath(first))


def is_below(path: str, root: str) -> bool:
    """Say whether a path is another, or lies below it."""
    return path == root or path.startswith(f"{root.rstrip('/')}/")


def _readable(folder: str, *, any_file: bool = False) -> Iterator[str]:
    """Yield what of a folder is there to be imported: no run, nothing hidden."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name == TRUTH:
                continue
            path = os.path.realpath(entry.path)
            if entry.is_dir():
                if entry.name.endswith(MODULES) or not _holds_runs(path):
                    yield path
            elif any_file or entry.name.endswith(MODULES):
                yield path


def _holds_runs(folder: str) -> bool:
    """Say whether a folder is a run's, or has runs in it."""
    places = (folder, *_children(folder))
    return any(os.path.exists(os.path.join(place, RUN)) for place in places)


def _children(folder: str) -> list[str]:
    try:
        return [os.path.join(folder, name) for name in os.listdir(folder)]
    except OSError:  # a file, or not there
        return []


def _made(needs: MethodNeeds) -> list[str]:
    """Return where things are kept that are made once: of the task's engine, of a compiler, of the user's own choice.

    A folder must be there to be allowed.
    """
    places = [default_folder() / name for name in MADE.get(os.path.basename(needs.task), ())]
    models = default_folder() / "models"
    places += [models] if needs.converts and not any(models.glob("*/*")) else []
    if "numba" in sys.modules:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        kernels = os.environ.get("ADABENCH_KERNELS") or default_folder() / "kernels"
        places += [Path(kernels), Path(os.environ.get("NUMBA_CACHE_DIR") or home / "numba")]
    for place in places:
        with suppress(OSError):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return [*map(str, places), *filter(None, os.environ.get(OPEN, "").split(os.pathsep))]


def _shared(needs: MethodNeeds) -> tuple[str, ...]:
    """Return what a method shares with devices and processes, and where their libraries compile."""
    if not needs.on_device:
        return SHARED_MEMORY if needs.in_processes else ()
    home = Path.home()
    for name in COMPILED:
        with suppress(OSError):
            (home / name).mkdir(exist_ok=True)
    boards = [path for path in _children("/dev") if path.startswith("/dev/nvidia")]
    return (*SHARED_MEMORY, *DEVICES, *boards, *(str(home / name) for name in COMPILED))
