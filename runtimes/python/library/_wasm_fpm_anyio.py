"""anyio, and Starlette which is made with it, take TLS and threads for granted: there is no TLS, and what a thread would do is done at once."""
import asyncio
import contextvars
import importlib.machinery
import sys
import types

NEED_TLS = ("anyio._core._sockets", "anyio.streams.tls")
BACKEND = "anyio._backends._asyncio"


class Tls(types.ModuleType):
    """As much of ssl as can be named."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (OSError,), {})


def find_spec(name, path, target):
    if name not in NEED_TLS and name != BACKEND:
        return None
    spec = importlib.machinery.PathFinder.find_spec(name, path, target)
    if spec is not None and spec.loader is not None:
        run = spec.loader.exec_module
        spec.loader.exec_module = lambda module: with_tls(run, module) if name in NEED_TLS else without_threads(run, module)
    return spec


def with_tls(run, module):
    """Nobody else is to believe that there is one. Of these modules one imports the other."""
    is_outer = "ssl" not in sys.modules
    sys.modules.setdefault("ssl", Tls("ssl"))
    try:
        run(module)
    finally:
        if is_outer:
            del sys.modules["ssl"]


def without_threads(run, module):
    run(module)
    if backend := getattr(module, "AsyncIOBackend", None):
        backend.run_sync_in_worker_thread = classmethod(lambda cls, func, args, **options: here(func, args))
    else:
        module.run_sync_in_worker_thread = lambda func, *args, **options: here(func, args)


async def here(func, args):
    await asyncio.sleep(0)
    running = asyncio.events._get_running_loop()
    asyncio.events._set_running_loop(None)
    try:
        return contextvars.copy_context().run(func, *args)
    finally:
        asyncio.events._set_running_loop(running)
