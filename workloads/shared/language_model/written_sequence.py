"""Holds a sequence as an engine left it: which words of it were drawn, by whom, and which were put onto it."""

from typing import NamedTuple

POLICY = "policy"
"""The role of the model that a session has if it has one."""
Words = tuple[int, ...]


class Written(NamedTuple):
    """A sequence as the engine left it."""

    ids: Words
    """Prompt and completion."""
    start: int
    """Where the completion begins."""
    key: int
    forced: Words
    """Places of the completion whose words were not drawn."""
    own: bool
    """Whether it began on the case's prompt with the case's random numbers, or behind attempts that
    did."""
    role: str = POLICY
    authors: tuple[str, ...] = ()
    """Whose each word of the completion is, by role; empty for a word that was forced."""

    @property
    def completion(self) -> Words:
        """Return the words after the prompt."""
        return self.ids[self.start :]

    @property
    def read(self) -> Words:
        """Return the words before the completion."""
        return self.ids[: self.start]

    @property
    def forced_words(self) -> Words:
        """Return the words of the completion that were not drawn."""
        return tuple(self.ids[self.start + place] for place in self.forced)

    def longer(self, ids: Words, authors: tuple[str, ...]) -> "Written":
        """Return it with more words, each with the role of whose it is."""
        end = len(self.ids) - self.start
        forced = tuple(end + place for place, author in enumerate(authors) if not author)
        return self._replace(
            ids=self.ids + ids, forced=self.forced + forced, authors=self.authors + authors
        )

    def has_drawn(self, completion: Words, begin: int) -> bool:
        """Tell whether it goes on as `completion` does, drawn from place `begin` on."""
        end = len(completion)
        return self.completion[:end] == completion and not any(
            begin <= place < end for place in self.forced
        )
