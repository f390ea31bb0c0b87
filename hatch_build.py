"""Before an editable install: the links in .links/adabench/ that a checkout has and an sdist lacks.

Everything that the wheel holds is linked, as the wheel's own tables in pyproject.toml say.
"""

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LINKS = Path(".links", "adabench")


class LinkHook(BuildHookInterface[Any]):
    """Makes missing links; those that are there stay as they are."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Link what the wheel would hold, where the build is editable."""
        if version == "editable":
            make_links(Path(self.root), self.target_config)


def make_links(root: Path, wheel: dict[str, Any]) -> None:
    """Link the folders and files that the tables of the wheel name."""
    targets = {name: name for name in wheel["only-include"]}
    for source, shipped in wheel["force-include"].items():
        targets[Path(shipped).name] = source
    folder = root / LINKS
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in targets.items():
        link = folder / name
        if not link.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(os.path.relpath(root / source, folder))
