"""The server in Rust, as a process of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import rpcnet

ROOT = Path(__file__).parents[3]

PROGRAM = Path(
    os.environ.get("RPCNET_INTEROP_SERVER", ROOT / "target/debug/interop_server")
).absolute()

LIMIT = 20.0
"""Seconds that guard against hangs; what they guard takes well under one."""


@dataclass
class Program:
    """A server that runs."""

    process: asyncio.subprocess.Process
    address: str
    certs: Path

    async def connect(self, **arguments: object) -> rpcnet.Client:
        """A client of it."""
        given = {"ca": self.certs / "ca.pem", **arguments}
        return await rpcnet.connect(self.address, **given)  # type: ignore[arg-type]

    async def line(self) -> str:
        """The next line that it prints."""
        assert self.process.stdout is not None
        async with asyncio.timeout(LIMIT):
            return (await self.process.stdout.readline()).decode().rstrip()

    async def end(self) -> None:
        """Waits until it has ended."""
        async with asyncio.timeout(LIMIT):
            await self.process.wait()


@asynccontextmanager
async def run(certs: Path, *flags: str) -> AsyncIterator[Program]:
    """Runs the server until the block ends."""
    if not PROGRAM.exists():
        raise FileNotFoundError(
            f"{PROGRAM} is missing: cargo build -p rpcnet-examples --bin interop_server"
        )
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        "--certs",
        certs,
        *flags,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        program = Program(process, "", certs)
        program.address = (await program.line()).removeprefix("serving on ")
        yield program
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
