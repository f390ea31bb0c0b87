"""Digests of what a run's numbers depend on: the code of its tasks and methods, and named files.

Two runs, or a run and its continuation on another machine, may be joined when these agree. What all
methods run on is a digest of its own (`source_digests.base_digest`).
"""

from collections.abc import Iterable, Mapping
from functools import cache

from adabench.harness.contract import registry
from adabench.harness.contract.record import Turn
from adabench.harness.provenance import environment, import_graph, syntax
from adabench.harness.provenance.source_digests import (
    comparable,
    digest,
    named_files,
    own,
    sources_of,
)


def digests(turns: Iterable[Turn]) -> dict[str, str]:
    """Digest each task under its name, each method with its task under its address, and files."""
    cells = {turn.cell.key: turn.cell for turn in turns}.values()
    reader, locate = cache(syntax.read), cache(import_graph.find)
    found = {}
    for address in sorted({place for cell in cells for place in (cell.task, cell.address)}):
        entries = [registry.find(name) for name in sorted({address.partition("/")[0], address})]
        if all(entry.path.is_file() for entry in entries):
            sources = sources_of(*entries, reader=reader, locate=locate)
            found[address] = digest(own(sources), reader)
    for path in sorted({path for cell in cells for path in named_files(cell.conditions)}):
        found[path.name] = environment.source_digest([path])
    return found


def changed(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Say in words what differs of the digests `then`; what cannot be compared differs.

    A run of before adabench followed imports has digests of another scheme. It can be read and
    compared, but nothing may be added to it: nobody could say that it was the same code.
    """
    names = [name for name, was in then.items() if now.get(name) != was]
    older = [name for name in names if name in now and not comparable(then[name], now[name])]
    said = [name for name in names if name not in older]
    if older:
        said.append(f"{', '.join(older)} (digested in another way by another version of adabench)")
    return said
