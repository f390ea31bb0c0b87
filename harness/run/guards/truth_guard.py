"""No method's process loads `truth/`: what only the scorer may know is not there to be found."""

import pickletools
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from adabench.harness.errors import MethodContractError

PACKAGE, TRUTH = "adabench.workloads", "truth"


class TruthGuard(MetaPathFinder):
    """Refuses to find modules of truth."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find nothing; leave other names to the finders that follow.

        Raises:
            MethodContractError: for a module of truth.
        """
        if is_truth(fullname):
            raise MethodContractError(
                f"{fullname} was imported in the process of a method.",
                "Only the scorer and oracles may know it. Take what you need from `substrate`, "
                "or say role='oracle' in the card if the method is meant to know the future.",
            )
        return None


def is_truth(module: str) -> bool:
    """Tell whether a module lies in a folder of truth."""
    return module.startswith(f"{PACKAGE}.") and TRUTH in module.split(".")


def truth_modules(data: bytes) -> set[str]:
    """Return the modules of truth that pickled data refer to."""
    names = {str(word) for _, word, _ in pickletools.genops(data) if isinstance(word, str)}
    words = {name for text in names for name in text.split()}  # a GLOBAL names module and class
    return {word for word in words if is_truth(word)}


def refuse_truth() -> None:
    """Let this process import no truth from now on.

    Raises:
        MethodContractError: if it has some already.
    """
    loaded = sorted(name for name in sys.modules if is_truth(name))
    if loaded:
        raise MethodContractError(
            f"{loaded[0]} was loaded with the substrate, which every method gets.",
            "What `Task.substrate()` returns must not refer to anything in `truth`.",
        )
    sys.meta_path.insert(0, TruthGuard())
