"""A world in English: who is who, sentences about them, and the index in which a model searches.

    The mentor of Ada Birch is Carl Dover.
    The neighbour of Carl Dover is (1) Eva Frost or (2) Finn Gale.
    Eva Frost is a painter.

The facts are those that the small policies look up. Sentences are laid down for everybody who can be reached
by the relations of the question, wrong rows too, and for some of those beside the way.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from adabench.workloads.agents.substrate.action_words import ATTRIBUTES, RELATIONS
from adabench.workloads.agents.substrate.worlds import Entity, World

_GIVEN_NAMES = """
Ada Ben Carl Dora Eva Finn Gina Hugo Ida Jan Kira Leo Mia Nils Olga Paul Quinn Rosa Sven Tara
Udo Vera Walt Xenia Yann Zoe Anna Bert Cora Dirk Ella Fred Gerd Hilda Ivan Jutta Karl Lena Max
Nora
"""
_FAMILY_NAMES = """
Birch Clay Dover Elm Frost Gale Hill Iron Jade Kelp Lake Marsh North Oak Pine Quarry Reed
Stone Thorn Under Vale Wood Yew Zinc Ash Brook Cliff Dune East Field Grove Heath Isle Kerr
Lodge Moor Nook Orchard Pond Ridge
"""
_RELATIONS = (
    "mentor neighbour employer doctor lawyer landlord teacher partner cousin tailor baker pilot"
)
GIVEN, FAMILY, RELATION_NAMES = (text.split() for text in (_GIVEN_NAMES, _FAMILY_NAMES, _RELATIONS))
NUMBER_NAMES = ("lucky number", "house number", "seat number", "team number")
KINDS = ("painter", "sailor", "farmer", "singer")
MOST = 160
"""People in an index."""


def name_of(entity: Entity) -> str:
    """Return an entity's name."""
    return f"{GIVEN[entity.name]} {FAMILY[entity.number]}"


def sentences(world: World, entity: Entity) -> Iterator[str]:
    """Yield what is known of somebody."""
    who = name_of(entity)
    yield f"{who} is a {KINDS[world.kind(entity)]}."
    for relation in range(RELATIONS):
        rows = [name_of(one) for one in world.relation(entity, relation)]
        if rows:
            said = rows[0] if len(rows) == 1 else f"(1) {rows[0]} or (2) {rows[1]}"
            yield f"The {RELATION_NAMES[relation]} of {who} is {said}."
    for attribute in range(ATTRIBUTES):
        number = world.number(entity, attribute)
        if number is not None:
            yield f"The {NUMBER_NAMES[attribute]} of {who} is {number}."


def people(world: World) -> list[Entity]:
    """Return whom an index has: everybody on the way and on wrong ways, then others."""
    trail = list(world.path)
    found: dict[Entity, None] = {}
    layer = [trail[0][0]] if trail else []
    for _, relation in trail:
        found |= dict.fromkeys(layer)
        layer = [one for entity in layer for one in world.relation(entity, relation)]
    found |= dict.fromkeys(layer)
    for entity in list(found):
        for relation in range(RELATIONS):
            if len(found) < MOST:
                found |= dict.fromkeys(world.relation(entity, relation))
    return list(found)[:MOST]


class ArticleIndex:
    """A full-text index over one world, on disk."""

    def __init__(self, world: World, file: Path) -> None:
        self._base = sqlite3.connect(file)
        self._base.execute("create virtual table said using fts5(text)")
        rows = [(text,) for entity in people(world) for text in sentences(world, entity)]
        self._base.executemany("insert into said values (?)", rows)
        self._base.commit()

    def matches(self, query: str, most: int = 2) -> list[str]:
        """Return the sentences that have all words of a query, the best first."""
        words = "".join(sign if sign.isalnum() else " " for sign in query).split()
        wanted = [word for word in words if word.lower() not in ("the", "of", "is", "a", "who")]
        if not wanted:
            return []
        match = " AND ".join(f'"{word}"' for word in wanted[:12])
        rows = self._base.execute(
            "select text from said where said match ? order by rank, rowid limit ?", (match, most)
        )
        return [str(row[0]) for row in rows]

    def close(self) -> None:
        """Close the file."""
        self._base.close()
