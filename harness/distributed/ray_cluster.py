"""Workers on the machines of an existing Ray cluster: $RAY_ADDRESS, or the one that runs here.

Before anything is measured every machine is asked what it is. The largest group of alike machines
works; the others are left out and named. Of groups of one size that is taken whose machines are
like those the run has used already, or like this one; where nothing decides, the run is refused.
"""

import logging
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from adabench.harness.distributed.backends import MOST, Backend, FanOutOptions
from adabench.harness.distributed.shard import Errand, Job, Outcome, job_from_json, outcome_from
from adabench.harness.distributed.warm_workers import Slot, WarmWorkers
from adabench.harness.distributed.worker import Worker
from adabench.harness.errors import EnvironmentProblem, require
from adabench.harness.provenance import environment, run_sources, worker_environment

log = logging.getLogger(__name__)

KNOCK_S = 10.0
ANSWER_S = 120.0
"""So long a machine may take to say what it is."""


@dataclass(frozen=True)
class Node:
    """A machine of the cluster."""

    id: str
    name: str
    room: int
    """Workers that it has resources for."""


@contextmanager
def on_ray(options: FanOutOptions, folder: Path, jobs: Sequence[Job]) -> Iterator[Backend]:
    """Open workers on the machines of a cluster that are alike."""
    del folder
    ray = require("ray", extra="cluster")
    joined = not ray.is_initialized()
    if joined:
        _join(ray)
    need = {"CPU": jobs[0].cores, "GPU": jobs[0].gpus}
    try:
        nodes = alike(_described(ray, _fitting(ray.nodes(), need), jobs), jobs[0])
        slots = [Slot(node.name, _begin(ray, node, need)) for node in _in_turn(nodes)]
        slots = slots[: min(len(jobs), options.workers or MOST)]
        warm = WarmWorkers(slots)
        try:
            yield Backend(len(slots), warm.run, warm.end)
        finally:
            warm.end()
    finally:
        if joined:
            ray.shutdown()


def alike(described: Mapping[Node, Mapping[str, Any]], job: Job) -> list[Node]:
    """Return the machines that can work together; the others are named in the log.

    Raises:
        EnvironmentProblem: if no group of them is the one to take.
    """
    able = {node: told["environment"] for node, told in described.items() if not told["problem"]}
    others = {node: str(told["problem"]) for node, told in described.items() if told["problem"]}
    groups: list[list[Node]] = []
    for node, own in able.items():
        for group in groups:
            if not environment.worker_differences(able[group[0]], own, gpus=bool(job.gpus)):
                group.append(node)
                break
        else:
            groups.append([node])
    chosen = _chosen(groups, able, job)
    for group in groups:
        if group is not chosen:
            differ = _differences(_base(able, chosen, group, job), able[group[0]], job)
            others |= dict.fromkeys(group, f"it is not like the others: {differ}")
    if not chosen:
        said = "; ".join(f"{node.name}: {why}" for node, why in others.items())
        raise EnvironmentProblem(
            f"No machine of the Ray cluster can be chosen for this run. {said}.",
            "Install the same on all of them, or ask for a cluster of one kind.",
        )
    for node, why in others.items():
        log.warning("%s of the Ray cluster is left out: %s.", node.name, why)
    return chosen


def _chosen(
    groups: Sequence[list[Node]], able: Mapping[Node, Mapping[str, Any]], job: Job
) -> list[Node]:
    """Return the group to take; an empty one where nothing decides."""
    past = worker_environment.read(job.run)
    if past is not None:
        return next((g for g in groups if _same(past["environment"], able[g[0]], job)), [])
    most = max(map(len, groups), default=0)
    largest = [group for group in groups if len(group) == most]
    if len(largest) == 1:
        return largest[0]
    here = environment.fingerprint()
    return next((group for group in largest if _same(here, able[group[0]], job)), [])


def _same(a: Mapping[str, Any], b: Mapping[str, Any], job: Job) -> bool:
    return not environment.worker_differences(a, b, gpus=bool(job.gpus))


def _base(
    able: Mapping[Node, Mapping[str, Any]], chosen: Sequence[Node], group: Sequence[Node], job: Job
) -> Mapping[str, Any]:
    """Return what a group that is left out is told apart from."""
    past = worker_environment.read(job.run)
    if past is not None:
        environment_of: Mapping[str, Any] = past["environment"]
        return environment_of
    return able[next((node for node in (*chosen, *able) if node not in group), group[0])]


def _differences(a: Mapping[str, Any], b: Mapping[str, Any], job: Job) -> str:
    differ = environment.worker_differences(a, b, gpus=bool(job.gpus))
    return ", ".join(f"{key} ({was} there, {now} here)" for key, (was, now) in differ.items())


def describe(text: str) -> dict[str, Any]:
    """Say what this machine is, and what keeps it from working on a job; runs within Ray."""
    job = job_from_json(text)
    changed = run_sources.changed(run_sources.digests(job.turns), job.manifest["sources"])
    problem = f"its code is not that of the run: {', '.join(changed)}" if changed else ""
    return {"environment": environment.fingerprint(), "problem": problem}


def _described(
    ray: Any, nodes: Sequence[Node], jobs: Sequence[Job]
) -> dict[Node, Mapping[str, Any]]:
    """Ask every machine what it is."""
    turns = {turn.cell.address: turn for job in jobs for turn in job.turns}
    text = replace(jobs[0], turns=tuple(turns.values())).to_json()
    asked = {
        node: ray.remote(max_retries=0, num_cpus=0, scheduling_strategy=_on(ray, node))(
            describe
        ).remote(text)
        for node in nodes
    }
    found: dict[Node, Mapping[str, Any]] = {}
    for node, promise in asked.items():
        try:
            found[node] = ray.get(promise, timeout=ANSWER_S)
        except ray.exceptions.RayError as problem:
            found[node] = {"problem": f"it does not answer ({_first_line(problem)})"}
    return found


def _begin(ray: Any, node: Node, need: Mapping[str, int]) -> Any:
    """Return what begins a worker on a machine."""

    def begin(text: str) -> RayWorker:
        del text
        hosted = ray.remote(
            num_cpus=need["CPU"], num_gpus=need["GPU"], scheduling_strategy=_on(ray, node)
        )(Host)
        return RayWorker(ray, hosted.remote())

    return begin


class Host:
    """Within Ray: holds a worker process, which holds nothing of Ray."""

    def __init__(self) -> None:
        self._worker: Worker | None = None

    def call(self, errand: Errand, text: str) -> dict[str, Any]:
        """Do an errand, in a process that is begun for the first."""
        job = job_from_json(text)
        self._worker = self._worker or Worker(job.folder / "log.txt", job.variables)
        return asdict(self._worker.call(errand, text))


class RayWorker:
    """Here: the host that Ray runs elsewhere."""

    def __init__(self, ray: Any, host: Any) -> None:
        self._ray, self._host = ray, host

    def call(self, errand: Errand, text: str) -> Outcome:
        """Do an errand there, and return how it ended."""
        try:
            return outcome_from(self._ray.get(self._host.call.remote(errand, text)))
        except self._ray.exceptions.RayError as lost:
            return Outcome(cause=_first_line(lost))

    def end(self) -> None:
        """End the host; its worker ends with it."""
        self._ray.kill(self._host)


def _on(ray: Any, node: Node) -> Any:
    return ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node.id, soft=False)


def _in_turn(nodes: Sequence[Node]) -> list[Node]:
    """Return each machine as often as it has room, one after the other: workers spread out."""
    rows = zip_longest(*([node] * node.room for node in nodes))
    return [node for node in chain.from_iterable(rows) if node is not None]


def _fitting(nodes: Sequence[Mapping[str, Any]], need: Mapping[str, int]) -> list[Node]:
    """Return the machines with room for a worker; Ray would wait for one for ever.

    Raises:
        EnvironmentProblem: if there is none.
    """
    found = []
    for node in nodes:
        held = node["Resources"] if node["Alive"] else {}
        room = min(int(held.get(kind, 0) // count) for kind, count in need.items() if count)
        if room:
            name = node.get("NodeName") or node.get("NodeManagerHostname") or "a machine"
            found.append(Node(node["NodeID"], f"{name} ({node['NodeID'][:8]})", room))
    if not found:
        asked = " and ".join(f"{count} {kind}" for kind, count in need.items() if count)
        raise EnvironmentProblem(
            f"No machine of the Ray cluster has {asked}.", "Ask for fewer --cores or --gpus."
        )
    return found


def _join(ray: Any) -> None:
    address = os.environ.get("RAY_ADDRESS", "auto")
    try:
        _answers(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING)
    except (OSError, ValueError) as absent:
        raise EnvironmentProblem(
            f"There is no Ray cluster at {address}: {absent}",
            "Start one (ray start --head) or name one in RAY_ADDRESS; adabench starts none. One that "
            "asks for a token needs RAY_AUTH_MODE=token and its RAY_AUTH_TOKEN here too.",
        ) from absent


def _answers(address: str) -> None:
    """Knock first: Ray goes on trying for minutes where nobody listens.

    Raises:
        OSError: if nobody does.
    """
    host, _, port = address.rpartition(":")
    if host and port.isdigit() and "/" not in host:
        socket.create_connection((host, int(port)), KNOCK_S).close()


def _first_line(problem: Exception) -> str:
    return str(problem).partition("\n")[0]
