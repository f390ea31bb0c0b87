"""Landlock: a process of Linux gives up, for itself and all that it starts, what a list does not name.

    enter(Domain(read=("/usr",), write=(scratch,)))

    common = open_rules(Domain(read=("/usr",)))         once, by who forks
    enter(Domain(write=(scratch,)), common)             in each fork: nothing is looked for again

It takes no rights, and nothing undoes it. What a kernel can hold back is told by its ABI, which is asked at run
time: files from 1, truncation from 3, TCP from 4, signals and abstract sockets to processes outside from 6. Memory of
processes outside is closed from 1 on. Open files stay open. Not held back: names and sizes of files, UDP,
sockets with a name among files.
"""

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from stat import S_ISDIR

from adabench.harness.errors import EnvironmentProblem

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""System calls: these numbers are the same on every processor but Alpha."""
_VERSION, _PATH_BENEATH = 1, 1
_SET_NO_NEW_PRIVS = 38
"""Of prctl(2)."""
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
MAKE_AND_REMOVE = sum(1 << bit for bit in range(4, 13))
REFER, TRUNCATE = 1 << 13, 1 << 14
READ = EXECUTE | READ_FILE | READ_DIR
WRITE = WRITE_FILE | MAKE_AND_REMOVE | REFER | TRUNCATE
OF_FILES = EXECUTE | READ_FILE | WRITE_FILE | TRUNCATE
"""What a rule of one file may give."""
TCP = 0b11
"""To bind a port and to connect to one."""
SCOPES = 0b11
"""Abstract sockets, and signals."""
TRUNCATION, NETWORK, SIGNALS = 3, 4, 6
"""The ABIs that brought them."""
SWITCH = "ADABENCH_CONFINE"
"""The variable that leaves processes as they are, if it is 0."""
REASONS = {
    errno.ENOSYS: "this kernel has no Landlock",
    errno.EOPNOTSUPP: "Landlock was not switched on when this kernel was started (lsm=)",
    errno.EPERM: "a filter of system calls keeps Landlock from this process",
}


@dataclass(frozen=True)
class Domain:
    """What stays allowed: below folders, or of files; what is not there is left out."""

    read: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    """Folders whose names may be listed, and those of the folders below them; their files stay closed."""
    write: tuple[str, ...] = ()
    """To be read too."""
    network: bool = False


@dataclass(frozen=True)
class Confinement:
    """What of a domain this kernel holds."""

    abi: int
    reason: str = ""
    """Why there is none."""

    @property
    def files(self) -> bool:
        """Whether files, and the memory of other processes, are closed."""
        return self.abi > 0

    @property
    def network(self) -> bool:
        """Whether TCP is closed where a domain does not allow it."""
        return self.abi >= NETWORK

    @property
    def signals(self) -> bool:
        """Whether processes outside are safe from signals."""
        return self.abi >= SIGNALS

    def __str__(self) -> str:
        if not self.files:
            return f"not confined: {self.reason}"
        rest = ["TCP"] * self.network + ["signals"] * self.signals
        return f"confined by Landlock {self.abi}: {', '.join(['files', 'memory', *rest])}"


def confinement() -> Confinement:
    """Say what processes are held by: what the kernel can, unless the user does not want it."""
    if os.environ.get(SWITCH) == "0":
        return Confinement(0, f"{SWITCH} is 0")
    return _of_kernel()


@cache
def _of_kernel() -> Confinement:
    if sys.platform != "linux":
        return Confinement(0, "Landlock is a part of Linux")
    abi = _libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))
    if abi > 0:
        return Confinement(abi)
    number = ctypes.get_errno()
    return Confinement(0, REASONS.get(number, os.strerror(number)))


@dataclass(frozen=True)
class Rules:
    """Rules for the kernel, with the open places that they are of; forks inherit these."""

    packed: tuple[bytes, ...] = ()
    places: tuple[int, ...] = ()

    def close(self) -> None:
        """Close the places."""
        for place in self.places:
            os.close(place)


def open_rules(domain: Domain) -> Rules:
    """Open what a domain names, for `enter`; nothing where nobody is confined."""
    found = confinement()
    if not found.files:
        return Rules()
    handled = _handled(found)
    rules = [
        *_rules(domain.read, READ & handled),
        *_rules(domain.listed, READ_DIR),
        *_rules(domain.write, handled),
    ]
    return Rules(tuple(packed for packed, _ in rules), tuple(place for _, place in rules))


def enter(domain: Domain, common: Rules = Rules()) -> Confinement:
    """Confine this process: the calling thread, and what it starts. There should be no other thread.

    `common` are rules that were opened before, beside those of the domain. Returns what is held; where the kernel has no Landlock that is nothing.

    Raises:
        EnvironmentProblem: if the kernel has it and refuses.
    """
    found = confinement()
    if not found.files:
        return found
    own = open_rules(domain)
    ruleset = _create(_handled(found), found, domain.network)
    try:
        call, kind, flags = _libc().syscall, ctypes.c_uint32(_PATH_BENEATH), ctypes.c_uint32(0)
        for rule in (*common.packed, *own.packed):
            _checked(call(_ADD_RULE, ruleset, kind, rule, flags))
        _checked(_libc().prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _checked(call(_RESTRICT_SELF, ruleset, flags))
    finally:
        os.close(ruleset)
        own.close()
    return found


def _handled(found: Confinement) -> int:
    """Return the rights to files that this kernel can hold back."""
    handled = READ | WRITE if found.abi >= TRUNCATION else (READ | WRITE) & ~TRUNCATE
    return (
        handled & ~REFER if found.abi == 1 else handled
    )  # what it does not know it refuses always


def _create(handled: int, found: Confinement, network: bool) -> int:
    """Return a ruleset that closes what a kernel can close; TCP unless it is allowed."""
    size = 24 if found.signals else 16 if found.network else 8
    closed = TCP if found.network and not network else 0
    data = struct.pack("=QQQ", handled, closed, SCOPES if found.signals else 0)[:size]
    return _checked(
        _libc().syscall(_CREATE_RULESET, data, ctypes.c_size_t(size), ctypes.c_uint32(0))
    )


def _rules(paths: Iterable[str], rights: int) -> Iterator[tuple[bytes, int]]:
    """Yield a rule a path, and the open place."""
    for path in paths:
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:  # not there, or not for this user
            continue
        own = rights if S_ISDIR(os.fstat(place).st_mode) else rights & OF_FILES
        if own:
            yield struct.pack("=Qi", own, place), place
        else:
            os.close(place)


def _checked(result: int) -> int:
    if result < 0:
        said = os.strerror(ctypes.get_errno())
        raise EnvironmentProblem(
            f"The kernel has Landlock, and refused to confine a method's process: {said}.",
            f"{SWITCH}=0 leaves processes as they are.",
        )
    return result


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
