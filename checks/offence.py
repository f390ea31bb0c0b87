"""An offence: what a check found, where, and the sentence that says what to do."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Offence:
    """One place that breaks one rule."""

    check: str
    """The name of the rule, as the allow-list writes it."""
    where: str
    """A path, followed by `::name` where the offence is smaller than a file."""
    says: str
    size: int = 0
    """How large the thing is, for rules that set a budget."""
