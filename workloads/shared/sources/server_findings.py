"""What servers were found to do, for all processes of a run: the first one asks, and nobody asks again.

A run begins with a probe, unless this process has just made one. What it found lies in the user's cache for a
while, where workers and a run that goes on find it. A server that only talks is remembered too: that it does.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adabench.harness.files.whole_file import write_whole
from adabench.harness.store.prepared_states import default_folder
from adabench.workloads.shared.sources.model_spec import ModelSpec

if TYPE_CHECKING:
    from adabench.workloads.shared.language_model.backends.server_abilities import ServerAbilities

JUST_S, FRESH_S = 30.0, 600.0
"""So long this process, and others, take what was found for what is."""
_found: dict[ModelSpec, tuple[float, "ServerAbilities | None"]] = {}
"""By server: when it was probed here, on the monotonic clock, and its abilities; None of a chat server."""


def probe_once(
    spec: ModelSpec, probe: Callable[[ModelSpec], "ServerAbilities | None"]
) -> "ServerAbilities | None":
    """Return what a server can do as a run begins: it is probed, unless it just was.

    Raises:
        EnvironmentProblem: what the probe raises.
    """
    there = _found.get(spec)
    if there is None or time.monotonic() - there[0] > JUST_S:
        return probe_anew(spec, probe)
    return there[1]


def probe_anew(
    spec: ModelSpec, probe: Callable[[ModelSpec], "ServerAbilities | None"]
) -> "ServerAbilities | None":
    """Probe a server, and remember what was found.

    Raises:
        EnvironmentProblem: what the probe raises.
    """
    abilities = probe(spec)
    _found[spec] = time.monotonic(), abilities
    plain = asdict(abilities) if abilities else {}
    with suppress(OSError):  # nothing is lost but a dozen short requests
        path = _file(spec)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps({"at_s": time.time(), "abilities": plain}).encode())
    return abilities


def known_abilities(spec: ModelSpec) -> "tuple[ServerAbilities | None] | None":
    """Return what a server was found to do, here or by another process a while ago; None: nobody knows."""
    if spec in _found:
        return (_found[spec][1],)
    try:
        stored: Mapping[str, Any] = json.loads(_file(spec).read_bytes())
        if not 0 <= time.time() - stored["at_s"] <= FRESH_S:
            return None
        return (_abilities(stored["abilities"]),)
    except (OSError, ValueError, KeyError, TypeError):  # not there, or of another version
        return None


def _abilities(plain: Mapping[str, Any]) -> "ServerAbilities | None":
    from adabench.workloads.shared.language_model.backends.server_abilities import ServerAbilities

    return ServerAbilities(**plain) if plain else None


def _file(spec: ModelSpec) -> Path:
    name = hashlib.sha256(str(spec).encode()).hexdigest()[:16]
    return default_folder() / "servers" / f"{name}.json"
