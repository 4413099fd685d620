"""An asyncio client for rpcnet: calls over QUIC and TLS 1.3.

::

    import asyncio
    import rpcnet

    async def main() -> None:
        async with await rpcnet.connect("localhost:4433", ca="certs/ca.pem") as client:
            quotient = await client.call("Calculator.divide", {"dividend": 84, "divisor": 2})
            print(quotient)

    asyncio.run(main())
"""

from rpcnet.client import NOTHING, Client, connect
from rpcnet.codec import JSON, RAW, Codec
from rpcnet.errors import (
    CallCutError,
    ClosedError,
    ConnectError,
    ConnectionLostError,
    DeadlineExceededError,
    LimitError,
    PayloadError,
    ProtocolError,
    RpcError,
    ServiceError,
    StatusError,
)
from rpcnet.options import CallOptions, Options
from rpcnet.responses import Responses
from rpcnet.wire.codes import Code, Origin, WireCode
from rpcnet.wire.trace import TraceContext

__all__ = [
    "JSON",
    "NOTHING",
    "RAW",
    "CallCutError",
    "CallOptions",
    "Client",
    "ClosedError",
    "Code",
    "Codec",
    "ConnectError",
    "ConnectionLostError",
    "DeadlineExceededError",
    "LimitError",
    "Options",
    "Origin",
    "PayloadError",
    "ProtocolError",
    "Responses",
    "RpcError",
    "ServiceError",
    "StatusError",
    "TraceContext",
    "WireCode",
    "connect",
]
