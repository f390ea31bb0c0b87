"""What `import adabench` gives. This file is shipped as `adabench/__init__.py`.

A name is imported when it is first used, so that `import adabench` costs next to nothing and
`adabench --help` stays fast. A new public name gets a line in `_HOME` and one below
`TYPE_CHECKING`; type checkers read the second, Python the first.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adabench.harness.analysis.load_run import load_run
    from adabench.harness.contract.card import Card, Knob
    from adabench.harness.errors import AdabenchError
    from adabench.harness.notebook.method_decorator import method
    from adabench.harness.notebook.session_methods import add_method
    from adabench.reports.notebook.catalogue_frames import ConformanceReport, check, methods, tasks
    from adabench.reports.notebook.comparison_view import RunComparison, compare
    from adabench.reports.notebook.run_call import run
    from adabench.reports.notebook.run_view import Run, load

    __version__: str

__all__ = [
    "AdabenchError",
    "Card",
    "ConformanceReport",
    "Knob",
    "Run",
    "RunComparison",
    "__version__",
    "add_method",
    "check",
    "compare",
    "load",
    "load_run",
    "method",
    "methods",
    "run",
    "tasks",
]

_HOME = {
    "AdabenchError": "adabench.harness.errors",
    "Card": "adabench.harness.contract.card",
    "ConformanceReport": "adabench.reports.notebook.catalogue_frames",
    "Knob": "adabench.harness.contract.card",
    "Run": "adabench.reports.notebook.run_view",
    "RunComparison": "adabench.reports.notebook.comparison_view",
    "add_method": "adabench.harness.notebook.session_methods",
    "check": "adabench.reports.notebook.catalogue_frames",
    "compare": "adabench.reports.notebook.comparison_view",
    "load": "adabench.reports.notebook.run_view",
    "load_run": "adabench.harness.analysis.load_run",
    "method": "adabench.harness.notebook.method_decorator",
    "methods": "adabench.reports.notebook.catalogue_frames",
    "run": "adabench.reports.notebook.run_call",
    "tasks": "adabench.reports.notebook.catalogue_frames",
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
