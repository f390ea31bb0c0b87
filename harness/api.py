"""What `import adabench` gives. This file is shipped as `adabench/__init__.py`.

A name is imported when it is first used, so that `import adabench` costs next to nothing and
`adabench --help` stays fast. A new public name gets a line in `_HOME` and one below
`TYPE_CHECKING`; type checkers read the second, Python the first.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adabench.harness.analysis.load_run import load_run
    from adabench.harness.contract.card import Card
    from adabench.harness.contract.registry import methods, tasks

    __version__: str

__all__ = ["Card", "__version__", "load_run", "methods", "tasks"]

_HOME = {
    "Card": "adabench.harness.contract.card",
    "load_run": "adabench.harness.analysis.load_run",
    "methods": "adabench.harness.contract.registry",
    "tasks": "adabench.harness.contract.registry",
}
"""The module that defines each public name."""


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name == "__version__":
        import importlib.metadata

        value: Any = importlib.metadata.version("adabench")
    elif name in _HOME:
        import importlib

        value = getattr(importlib.import_module(_HOME[name]), name)
    else:
        raise AttributeError(f"module 'adabench' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted({*globals(), *__all__})
