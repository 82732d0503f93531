"""An ASGI application without a framework, and one of WSGI that has coroutines of its own."""
import asyncio
import json
import os

left = []
DATA = os.environ["DATA"]


def note(text):
    with open(f"{DATA}/log.txt", "a") as log:
        log.write(f"{text}\n")


async def begin(scope, receive, send):
    assert (await receive())["type"] == "lifespan.startup"
    note("startup")
    scope["state"]["made"] = "at startup"
    asyncio.create_task(for_ever())
    await send({"type": "lifespan.startup.complete"})
    await receive()
    note("shutdown")


async def for_ever():
    while True:
        await asyncio.sleep(0.001)


async def connect():
    await asyncio.open_connection("127.0.0.1", 80)


async def wait_for_nobody():
    # The task of the lifespan would wake the loop again and again.
    for task in asyncio.all_tasks():
        if task is not asyncio.current_task():
            task.cancel()
    await asyncio.get_running_loop().create_future()


async def go_on():
    await asyncio.sleep(0.05)
    note("behind the answer")


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        return await begin(scope, receive, send)
    what = {"/connect": connect, "/wait_for_nobody": wait_for_nobody}.get(scope["path"])
    if what is not None:
        await what()
    if scope["path"] == "/no_answer":
        return
    if scope["path"] in ("/body_first", "/half"):
        if scope["path"] == "/half":
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytearray(b"half"), "more_body": True})
        return
    if scope["path"] == "/go_on":
        asyncio.create_task(go_on())
    assert await receive() == {"type": "http.request", "body": b"", "more_body": False}
    left.append(scope["path"])
    scope["state"]["mine"] = 1
    body = json.dumps({"left": left, "state": scope["state"], "root_path": scope["root_path"], "client": scope["client"]}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})
    assert await receive() == {"type": "http.disconnect"}


async def fails_to_start(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})


async def without_lifespan(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"state" if "state" in scope else b"no state"})


class Callable:
    async def __call__(self, scope, receive, send):
        await without_lifespan(scope, receive, send)


an_object = Callable()


async def soon(value):
    await asyncio.sleep(0.001)
    return value


def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [asyncio.run(soon(b"a coroutine of WSGI"))]
