"""What a build needs to know: which files of the folders are the package's own, and the links.

A wheel gets the files of the table `package-files` under the names given there. An editable install
gets links in .links/adabench/, which a checkout has and an sdist lacks.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LINKS = Path(".links", "adabench")


class PackageHook(BuildHookInterface[Any]):
    """Puts the package's own files in their place."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add files to a wheel, or make links where the build is editable."""
        files = self.config["package-files"]
        if version == "editable":
            make_links(Path(self.root), self.build_config.target_config["only-include"], files)
        else:
            build_data["force_include"].update(files)


def make_links(root: Path, folders: Iterable[str], files: Mapping[str, str]) -> None:
    """Make the links that are missing; those that lead somewhere stay as they are."""
    targets = {name: name for name in folders} | {name: path for path, name in files.items()}
    place = root / LINKS
    place.mkdir(parents=True, exist_ok=True)
    for name, target in targets.items():
        link = place / name
        if not link.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(os.path.relpath(root / target, place))
