"""The product laid out as the package that is shipped: `python -m checks.layout FOLDER` (`make tree`).

In a checkout the repository root is the package, through links. Tools that look for modules in the tree find
none there; in a copy whose folders lie in `adabench/` they do.
"""

import shutil
import sys
from pathlib import Path

from checks.tree import PACKAGE, package_files, read_project, wheel_table

LEFT_OUT = shutil.ignore_patterns("__pycache__")
ROOT = Path(__file__).resolve().parents[1]


def lay_out(root: Path, folder: Path) -> Path:
    """Copy the product of a checkout into a folder, in place of what is there; return the package's folder."""
    project = read_project(root)
    package = folder / PACKAGE
    shutil.rmtree(folder, ignore_errors=True)
    for name in wheel_table(project)["only-include"]:
        shutil.copytree(root / name, package / name, ignore=LEFT_OUT)
    for path, shipped in package_files(project).items():
        (package / path).rename(package / shipped)
    shutil.copy2(root / "pyproject.toml", folder)
    return package


if __name__ == "__main__":
    lay_out(ROOT, Path(sys.argv[1]))
