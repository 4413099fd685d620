"""The snippets of the guide and of the README, against the server in Rust."""

from __future__ import annotations

import ast
import asyncio
import re
import sys
from inspect import CO_COROUTINE
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

import rpcnet
from rust import LIMIT, ROOT, Program

PAGES = [ROOT / "docs/book/src/python.md", ROOT / "clients/python/README.md"]

SNIPPETS = [
    pytest.param(snippet, id=f"{page.name}-{number}")
    for page in PAGES
    for number, snippet in enumerate(
        re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    )
]

CLASSES = re.findall(r"^\| `(\w+Error)` \|", PAGES[0].read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("snippet", SNIPPETS)
async def test_a_snippet_does_what_it_says(snippet: str, server: Program) -> None:
    if "asyncio.run(" in snippet:
        await run_program(snippet, server)
        return
    code = compile(snippet, "snippet", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    async with await server.connect() as client, asyncio.timeout(LIMIT):
        await run_fragment(code, {"rpcnet": rpcnet, "client": client})


async def run_fragment(code: CodeType, names: dict[str, Any]) -> None:
    """Runs lines that may await."""
    result = eval(code, names)
    if code.co_flags & CO_COROUTINE:
        await result


async def run_program(program: str, server: Program) -> None:
    """Runs a whole program, which prints its result."""
    _, port = server.address.rsplit(":", 1)
    given = {"localhost:4433": f"localhost:{port}", "certs/ca.pem": str(server.certs / "ca.pem")}
    for written, used in given.items():
        assert written in program
        program = program.replace(written, used)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        env={"PYTHONPATH": str(Path(rpcnet.__file__).parents[1])},
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(LIMIT):
        printed, _ = await process.communicate()
    assert process.returncode == 0
    assert printed.startswith(b"42\n")


def test_there_are_snippets_in_both_pages() -> None:
    assert len(SNIPPETS) > 7


def test_the_guide_lists_every_error() -> None:
    errors = {name for name in rpcnet.__all__ if name.endswith("Error")}
    assert set(CLASSES) == errors - {"RpcError"}
