"""Whether the models and data that a task reads at its defaults are here; nothing is imported or read."""

from adabench.harness.contract import registry
from adabench.harness.contract.card import DefaultSource
from adabench.harness.contract.extras import is_installed
from adabench.harness.contract.registry import Entry
from adabench.harness.store.prepared_states import default_folder


def absent_sources(entry: Entry) -> tuple[DefaultSource, ...]:
    """Return what a task, or the task of a method, lacks to run at its defaults."""
    task = registry.tasks().get(entry.task, entry)
    return tuple(source for source in task.card.sources if not _is_here(source))


def absence(entry: Entry) -> str:
    """Return the same as a sentence; nothing where all is here."""
    lacking = absent_sources(entry)
    if not lacking:
        return ""
    names = " and ".join(source.condition for source in lacking)
    remedies = "; ".join(dict.fromkeys(source.remedy for source in lacking))
    return f"{names} {'is' if len(lacking) == 1 else 'are'} not here: {remedies}"


def _is_here(source: DefaultSource) -> bool:
    folder = default_folder()
    files = (folder / file for file in source.files)
    return all(map(is_installed, source.packages)) and (
        not source.files or any(file.is_file() for file in files)
    )
