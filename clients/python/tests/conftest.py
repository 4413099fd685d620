"""The servers that tests start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings

from rust import Program, run


@pytest.fixture(scope="session")
def certs() -> Iterator[Path]:
    """A folder for the certificates, which the first server makes."""
    with TemporaryDirectory() as folder:
        asyncio.run(make_certificates(Path(folder)))
        yield Path(folder)


async def make_certificates(folder: Path) -> None:
    async with run(folder):
        pass


@pytest.fixture
async def server(certs: Path) -> AsyncIterator[Program]:
    """The server in Rust."""
    async with run(certs) as program:
        yield program


# The same cases every time, however slow the machine.
settings.register_profile("checks", deadline=None, derandomize=True)
settings.load_profile("checks")
