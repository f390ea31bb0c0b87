"""A channel between two processes of ours: whole messages of plain data over a socket.

A message is its length and that many bytes of `plain_data.py`. The end of a stream is `None`, also
where a message was cut off by the death of its sender.
"""

import socket
from typing import Any

from adabench.harness.contract import plain_data
from adabench.harness.contract.plain_data import PlainDataError, Schema

LENGTH_BYTES = 8
MOST_BYTES = 1 << 34
"""A length beyond this is not one: the other side wrote something of its own."""
MOST_ANSWER_BYTES = 1 << 30
"""What a method says at once: more would fill the memory of the run."""


class Channel:
    """One end. Messages of this process to itself do not arrive."""

    def __init__(
        self, end: socket.socket, schema: Schema = (), most_bytes: int = MOST_BYTES
    ) -> None:
        self.end = end
        self.schema = schema
        self.most_bytes = most_bytes
        self._pending = bytearray()

    def fileno(self) -> int:
        """Return the descriptor, for selectors."""
        return self.end.fileno()

    def send(self, message: Any, *descriptors: int) -> None:
        """Send a message, and open files with it.

        Raises:
            PlainDataError: if it is not plain data; nothing is sent.
            OSError: if the other side has gone.
        """
        data = plain_data.encode(message, self.schema)
        head = len(data).to_bytes(LENGTH_BYTES, "little")
        if descriptors:
            socket.send_fds(self.end, [head], descriptors)
        else:
            self.end.sendall(head)
        self.end.sendall(data)

    def receive(self) -> Any:
        """Wait for the next message; None where there will be none.

        Raises:
            PlainDataError: if what comes is not plain data.
        """
        while (message := self.take()) is None:
            if not self.fill():
                return None
        return message[0]

    def receive_with(self, count: int) -> tuple[Any, list[int]]:
        """Wait for the next message, and the open files that came with it; read no further.

        Raises:
            PlainDataError: if what comes is not plain data.
        """
        head, descriptors, _, _ = socket.recv_fds(self.end, LENGTH_BYTES, count)
        head += self._exactly(LENGTH_BYTES - len(head)) if head else b""
        data = self._exactly(int.from_bytes(head, "little")) if head else b""
        return (plain_data.decode(data, self.schema) if data else None), list(descriptors)

    def _exactly(self, size: int) -> bytes:
        """Read so many bytes; fewer at the end of the stream."""
        parts = bytearray()
        while len(parts) < size:
            data = self.end.recv(min(size - len(parts), 1 << 20))
            if not data:
                return b""
            parts += data
        return bytes(parts)

    def fill(self) -> bool:
        """Read what is there, and say whether the stream goes on."""
        try:
            data = self.end.recv(1 << 20)
        except ConnectionResetError:
            return False
        self._pending += data
        return bool(data)

    def take(self) -> tuple[Any] | None:
        """Return the next whole message that was read, in a tuple; None if there is none.

        Raises:
            PlainDataError: if what was read is not plain data.
        """
        if len(self._pending) < LENGTH_BYTES:
            return None
        size = int.from_bytes(self._pending[:LENGTH_BYTES], "little")
        if size > MOST_BYTES:
            raise PlainDataError("What came is not a message.")
        if size > self.most_bytes:
            raise PlainDataError(
                f"A message of {size:,} bytes came; {self.most_bytes:,} are allowed."
            )
        if len(self._pending) < LENGTH_BYTES + size:
            return None
        data = bytes(self._pending[LENGTH_BYTES : LENGTH_BYTES + size])
        del self._pending[: LENGTH_BYTES + size]
        return (plain_data.decode(data, self.schema),)

    @property
    def complete(self) -> bool:
        """Say whether a whole message was read and not taken yet."""
        size = int.from_bytes(self._pending[:LENGTH_BYTES], "little")
        return len(self._pending) >= LENGTH_BYTES and len(self._pending) >= LENGTH_BYTES + size

    def close(self) -> None:
        """Let the socket go."""
        self.end.close()
