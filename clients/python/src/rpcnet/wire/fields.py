"""The fields of a frame's body, one after the other."""

from __future__ import annotations

from rpcnet.wire import varint
from rpcnet.wire.errors import WireError


class Fields:
    """Reads a body from its start. What is left after the last field is ignored (W-14).

    Every method raises ``WireError`` where the body ends within the field (W-13).
    """

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left."""
        return self._at == len(self._body)

    def varint(self) -> int:
        """A varint."""
        read = varint.decode(self._body, self._at)
        if read is None:
            raise WireError("body-too-short")
        value, self._at = read
        return value

    def byte(self) -> int:
        """One byte, as a number."""
        return self.take(1)[0]

    def take(self, count: int) -> bytes:
        """``count`` bytes."""
        end = self._at + count
        if end > len(self._body):
            raise WireError("body-too-short")
        taken = self._body[self._at : end]
        self._at = end
        return taken

    def sized(self, most: int | None = None) -> bytes:
        """A length and that many bytes; more than ``most`` is ``field-too-long``."""
        length = self.varint()
        if most is not None and length > most:
            raise WireError("field-too-long")
        return self.take(length)

    def text(self, most: int) -> str:
        """A length and that many bytes of UTF-8, at most ``most`` of them."""
        data = self.sized(most)
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            raise WireError("text-not-utf8") from None


def sized(data: bytes) -> bytes:
    """``data`` behind its length."""
    return varint.encode(len(data)) + data


def cut(text: str, most: int) -> bytes:
    """``text`` in UTF-8, cut at the end of a character to at most ``most`` bytes (W-29)."""
    return text.encode("utf-8")[:most].decode("utf-8", "ignore").encode("utf-8")
