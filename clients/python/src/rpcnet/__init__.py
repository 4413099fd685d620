"""An asyncio client for rpcnet."""
