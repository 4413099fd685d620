"""``python -m peer CERTS``: serves until standard input ends or a client calls ``Interop.drain``.

``CERTS`` is a folder with ``server.pem`` and ``server-key.pem``.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path

from peer.interop import Wards
from peer.server import Server


async def main(certs: Path) -> None:
    wards = Wards()
    server = Server(wards.methods())
    print(f"serving on {await server.start(certs)}", flush=True)
    loop = asyncio.get_running_loop()

    def watch() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(wards.drain.set)

    # A thread that does not keep the program from ending.
    threading.Thread(target=watch, daemon=True).start()
    await wards.drain.wait()
    print("draining", flush=True)
    await server.drain(wards.grace_ms / 1000)
    server.stop()
    print("shut down", flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
