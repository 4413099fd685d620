"""Whom to trust, and who to be: the TLS side of a connection."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.packet import QuicProtocolVersion
from aioquic.tls import load_pem_private_key, load_pem_x509_certificates

from rpcnet.options import Options

ALPN = "rpcnet/1"
"""What both sides must speak (W-1)."""

StrPath = str | PathLike[str]


@dataclass(frozen=True)
class Tls:
    """The certificates of a client, read from PEM files.

    The server's certificate has to be signed by ``ca`` and to be valid for ``server_name``, a DNS
    name or an IP address. ``chain`` and ``key`` are PEM, for servers that demand a certificate.
    """

    ca: bytes
    server_name: str
    chain: bytes | None = None
    key: bytes | None = None

    @classmethod
    def read(
        cls, ca: StrPath, cert: StrPath | None, key: StrPath | None, server_name: str
    ) -> Tls:
        """Reads the files.

        Raises ``OSError`` where one cannot be read, and ``ValueError`` where it is not what it
        should be, or where only one of ``cert`` and ``key`` is given.
        """
        if (cert is None) != (key is None):
            raise ValueError("cert and key go together: give both or neither")
        tls = cls(
            ca=_certificates(ca),
            server_name=server_name,
            chain=None if cert is None else _certificates(cert),
            key=None if key is None else _private_key(key),
        )
        return tls

    def configuration(self, options: Options) -> QuicConfiguration:
        """What aioquic needs to know of a connection, certificates and windows."""
        configuration = QuicConfiguration(
            is_client=True,
            alpn_protocols=[ALPN],
            cadata=self.ca,
            server_name=self.server_name,
            idle_timeout=options.idle_timeout,
            max_stream_data=options.stream_window,
            max_data=options.connection_window,
            supported_versions=[QuicProtocolVersion.VERSION_1],
        )
        if self.chain is not None and self.key is not None:
            chain = load_pem_x509_certificates(self.chain)
            configuration.certificate, configuration.certificate_chain = chain[0], chain[1:]
            configuration.private_key = load_pem_private_key(self.key)
        return configuration


def _certificates(path: StrPath) -> bytes:
    data = Path(path).read_bytes()
    try:
        found = load_pem_x509_certificates(data)
    except ValueError as error:
        raise ValueError(f"{path}: a certificate in it cannot be read: {error}") from error
    if not found:
        raise ValueError(f"{path}: there is no certificate in it; PEM files are expected")
    return data


def _private_key(path: StrPath) -> bytes:
    data = Path(path).read_bytes()
    try:
        load_pem_private_key(data)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: there is no private key in it that can be read") from error
    return data
