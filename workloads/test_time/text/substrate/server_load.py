"""How questions come to a server: one after the other, so many in flight, or at random moments."""

from adabench.harness.contract.load import Load
from adabench.harness.errors import SelectionError
from adabench.workloads.test_time.text.substrate.sources import Sources


def server_load(sources: Sources, concurrency: int, qps: float) -> Load | None:
    """Return the load of a run's server; None for one question after the other.

    Raises:
        SelectionError: for both loops at once, and for what is no server.
    """
    if not (concurrency or qps):
        return None
    if concurrency and qps:
        raise SelectionError(
            "concurrency holds so many questions in flight, qps lets them come whatever is in flight.",
            "Give one of them.",
        )
    name = "concurrency" if concurrency else "qps"
    if sources.data.kind == "bank" or not sources.model.is_served:
        what = f"bank:{sources.data.path}" if sources.data.kind == "bank" else str(sources.model)
        raise SelectionError(
            f"{name} puts a server under load, and {what} is none: what runs here answers one question at a time.",
            f"Name a server (--model openai:URL#NAME or chat:URL#NAME), or leave out {name}.",
        )
    return Load(concurrency, qps)
