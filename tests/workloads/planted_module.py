"""A module that lies anywhere, such as a method that is planted to be found out."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def load_module(
    path: Path, text: str | None = None, *, name: str = "", run: bool = True
) -> ModuleType:
    """Return the module of a file, which is written first where its text is given."""
    if text is not None:
        path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name or f"planted_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    if run:
        spec.loader.exec_module(module)
    return module
