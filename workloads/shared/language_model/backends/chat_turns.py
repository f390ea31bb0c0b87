"""A conversation as text, between whoever asks questions and an engine that sends turns to a server.

    prompt = conversation_text([{"role": "user", "content": "3 + 4"}])
    turns(prompt)                                      the same turns

Each turn stands behind two signs of control that no text of a question has.
"""

from collections.abc import Mapping, Sequence

from adabench.harness.errors import SelectionError

TURN, CONTENT = "\x1e", "\x1f"
"""Before the role of a turn, and before what is said."""


def conversation_text(conversation: Sequence[Mapping[str, str]]) -> str:
    """Return the text of a conversation.

    Raises:
        SelectionError: for a turn with a sign of control in it.
    """
    for turn in conversation:
        if TURN in turn["content"] or CONTENT in turn["content"]:
            raise SelectionError(
                "A question holds a sign of control (\\x1e or \\x1f), which parts turns here.",
                "Take it out of the data.",
            )
    return "".join(f"{TURN}{turn['role']}{CONTENT}{turn['content']}" for turn in conversation)


def turns(text: str) -> list[dict[str, str]]:
    """Return the turns of a conversation; a text without marks is one turn of the user's."""
    if not text.startswith(TURN):
        return [{"role": "user", "content": text}]
    parts = (part.partition(CONTENT) for part in text[1:].split(TURN))
    return [{"role": role, "content": content} for role, _, content in parts]
