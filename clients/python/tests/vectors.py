"""Reads ``docs/spec/vectors.json``, and writes what a reader delivers as its entries do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rpcnet.wire.batches import Answer, BadMethod
from rpcnet.wire.calls import End, Message
from rpcnet.wire.control import Cancel, GoAway, Settings
from rpcnet.wire.header import CallKind, Header
from rpcnet.wire.load import Load
from rpcnet.wire.status import Status

Vector = dict[str, Any]

ALL: dict[str, list[Vector]] = json.loads(
    (Path(__file__).parents[3] / "docs/spec/vectors.json").read_text("utf-8")
)

KINDS = {kind.name.lower().replace("_", "-"): kind for kind in CallKind}


def ids(vector: Vector) -> str:
    """What pytest calls the case of a vector."""
    return str(vector["name"])


def number(value: int) -> int | str:
    """An integer as the vectors have it: beyond 2^53 it is a string."""
    return value if value < 2**53 else str(value)


def described(event: object) -> Vector:
    """A frame or an event, in the fields of section 17."""
    match event:
        case Header():
            return _header(event)
        case BadMethod():
            return {"frame": "header", "error": "method"}
        case Message():
            return {"frame": "message", "body": event.body.hex()}
        case End():
            return {"frame": "end"}
        case Answer():
            return {"frame": "answer", "index": event.index}
        case Load():
            load = {"utilization": number(event.utilization), "running": number(event.running)}
            return {"frame": "load", **load}
        case Status():
            return _status(event)
        case Settings():
            fields = {name: number(value) for name, value in vars(event).items()}
            fields["keep_alive"] = fields.pop("keep_alive_us")
            return {"frame": "settings", **fields}
        case GoAway():
            times = {"grace": number(event.grace_ms), "retry_after": number(event.retry_after_ms)}
            return {"frame": "goaway", **times, "message": event.message}
        case Cancel():
            return {"frame": "cancel", "call_id": number(event.call_id), "code": event.code}
        case _:
            raise AssertionError(event)


def _header(header: Header) -> Vector:
    trace = header.trace
    described: Vector = {
        "frame": "header",
        "call_id": number(header.call_id),
        "call_kind": header.kind.name.lower().replace("_", "-"),
        "codec": header.codec,
        "idempotent": header.idempotent,
        "timeout": number(header.timeout_us),
        "method": header.method,
        "trace": trace
        and {
            "trace_id": trace.trace_id.hex(),
            "parent_id": trace.parent_id.hex(),
            "flags": trace.flags,
        },
        "metadata": [[key, value.hex()] for key, value in header.metadata.items()],
    }
    if header.schema is not None:
        described["schema"] = header.schema.hex()
    if header.wants_load:
        described["load_report"] = True
    return described


def _status(status: Status) -> Vector:
    described: Vector = {
        "frame": "status",
        "code": status.code,
        "origin": status.origin.name.lower(),
        "message": status.message,
        "details": status.details.hex(),
    }
    if status.retry_after_ms:
        described["retry_after"] = status.retry_after_ms
    return described
