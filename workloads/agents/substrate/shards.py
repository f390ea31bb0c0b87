"""Tools of several desks: who looks up what, and what is out of order where.

    desks 6     relations and attributes are dealt to six desks; each answers for its own, and says `down` for the rest
    desks 1     one desk answers for all

Calculators and look-ups of types work at every desk. A desk's word for what it does not hold is that of a tool that
is out of order: what an episode makes of it is what policies learned of outages. `broken` names policies
none of whose tools work, at any desk.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from adabench.workloads.agents.substrate.action_words import (
    ATTRIBUTES,
    DOWN,
    FIRST_ATTRIBUTE,
    FIRST_RELATION,
    LOOK_UPS,
    RELATIONS,
)
from adabench.workloads.agents.substrate.tool_server import ToolServer

SUBJECTS = (
    *range(FIRST_RELATION, FIRST_RELATION + RELATIONS),
    *range(FIRST_ATTRIBUTE, FIRST_ATTRIBUTE + ATTRIBUTES),
)
"""What is looked up of an entity, as words; types stand apart."""


def holder(subject: int, desks: int) -> int:
    """Return which desk holds a relation or an attribute, which are dealt in turn."""
    return SUBJECTS.index(subject) % desks


@dataclass(frozen=True)
class DeskTools:
    """The tools of one request at one desk."""

    server: ToolServer
    desk: int
    desks: int
    is_broken: bool

    def call(self, tool: int, arguments: tuple[int, ...], attempt: int = 0) -> tuple[int, ...]:
        """Return what a tool returns, as words; `attempt` counts the same calls before this one."""
        subjects = [word for word in arguments[2:] if tool in LOOK_UPS and word in SUBJECTS]
        is_foreign = any(holder(word, self.desks) != self.desk for word in subjects)
        if self.is_broken or is_foreign:
            return (DOWN,)
        return self.server.call(tool, arguments, attempt)


@dataclass(frozen=True)
class SharedTools:
    """The tools of one request at all desks."""

    server: ToolServer
    desks: int = 1
    broken: AbstractSet[str] = frozenset()
    """Policies whose tools are out of order."""

    def of(self, policy: str, desk: int) -> DeskTools:
        """Return what a policy has at a desk; one that is not there is the last one's neighbour, in turn."""
        return DeskTools(self.server, desk % self.desks, self.desks, policy in self.broken)
