"""How a connection is made."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass

from rpcnet.connection import Connection
from rpcnet.errors import ConnectError
from rpcnet.options import Options
from rpcnet.quic import Quic
from rpcnet.tls import Tls


@dataclass(frozen=True)
class Address:
    """A host, by name or by number, and a UDP port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Reads ``host:port`` or ``[v6]:port``. Raises ``ValueError`` for anything else."""
        match = _ADDRESS.fullmatch(text)
        if match is None or not 0 < int(match["port"]) < 65_536:
            raise ValueError(f"{text[:300]!r} is no address such as host:4433 or [::1]:4433")
        return cls(match["v6"] or match["host"], int(match["port"]))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


async def dial(
    address: Address, tls: Tls, options: Options, left: Callable[[Connection], None]
) -> Connection:
    """Makes a connection, trying the addresses of the host one after the other.

    Raises ``ConnectError`` with the reason of the last one.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + options.connect_timeout
    silence = ConnectError(f"{address} did not answer within {options.connect_timeout:g} s")
    try:
        async with asyncio.timeout_at(deadline):
            found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)
    except OSError as error:  # also that of time
        if isinstance(error, TimeoutError):
            raise silence from None
        raise ConnectError(f"no address for {address.host}: {error}") from error
    failure = silence
    for tried, (family, _, _, _, peer) in enumerate(found[:_ADDRESSES_MAX]):
        share = (deadline - loop.time()) / (min(len(found), _ADDRESSES_MAX) - tried)
        try:
            async with asyncio.timeout(share):
                return await _dial_one(family, peer, tls, options, left)
        except TimeoutError:
            failure = silence
        except ConnectError as error:
            failure = ConnectError(f"{address}: {error.message}")
    raise failure


async def _dial_one(
    family: int,
    peer: tuple[object, ...],
    tls: Tls,
    options: Options,
    left: Callable[[Connection], None],
) -> Connection:
    loop = asyncio.get_running_loop()
    quic = Quic(tls.configuration(options))
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.connect(peer)
        _, connection = await loop.create_datagram_endpoint(
            lambda: Connection(quic, options, left), sock=sock
        )
    except OSError as error:
        sock.close()
        raise ConnectError(f"no way there: {error.strerror or error}") from error
    except BaseException:
        sock.close()
        raise
    try:
        connection.connect(sock.getpeername())
        await asyncio.shield(connection.ready)
    except BaseException:
        connection.abandon()
        raise
    return connection


_ADDRESSES_MAX = 8

_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:/\[\]]+)):(?P<port>[0-9]{1,5})")
