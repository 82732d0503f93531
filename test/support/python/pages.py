"""An ASGI application: pages of Starlette, and below /raw what an application does that has no framework."""
import asyncio
import contextlib
import os
import time

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

HERE = os.path.dirname(__file__)
DATA = os.environ["DATA"]


@contextlib.asynccontextmanager
async def lifespan(app):
    await asyncio.sleep(0)
    app.state.started = "started"
    yield


class Marked(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        response = await call_next(request)
        response.headers["x-marked"] = request.method
        return response


async def index(request):
    return HTMLResponse(f"<h1>{request.app.state.started}</h1>")


async def told(request):
    told = {name: request.scope[name] for name in ("type", "http_version", "method", "scheme", "path", "root_path")}
    told["raw_path"], told["query_string"] = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode()
    headers = {name: value for name, value in sorted(request.headers.items()) if name not in ("host", "connection", "x-forwarded-for")}
    return JSONResponse({**told, "headers": headers, "id": request.path_params["id"], "query": request.query_params.multi_items()})


async def body(request):
    sizes = total = 0
    async for part in request.stream():
        total += len(part)
        sizes += 1
    return JSONResponse({"bytes": total, "some": sizes > 0, "disconnected": await request.is_disconnected()})


async def json(request):
    return JSONResponse({"got": await request.json()}, status_code=201)


async def parts(request):
    async def made():
        for part in range(5):
            await asyncio.sleep(0.001)
            yield f"part {part}\n"

    return StreamingResponse(made(), media_type="text/plain")


def in_a_thread(request):
    return PlainTextResponse("done where a thread would do it")


def threaded_parts(request):
    return StreamingResponse((f"part {part}\n" for part in range(3)), media_type="text/plain")


async def file(request):
    return FileResponse(os.path.join(HERE, "templates/note.jinja"), filename="some page.html")


async def cookies(request):
    response = RedirectResponse("/elsewhere", status_code=303)
    response.set_cookie("a", "1")
    response.set_cookie("b", "2", httponly=True)
    return response


async def times(request):
    """What asyncio can do with time alone."""
    order = []

    async def after(seconds, name):
        await asyncio.sleep(seconds)
        order.append(name)

    await asyncio.gather(after(0.02, "second"), after(0.01, "first"))
    try:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(10)
    except TimeoutError:
        order.append("too late")
    queue = asyncio.Queue()
    asyncio.get_running_loop().call_later(0.005, queue.put_nowait, "in the queue")
    order.append(await asyncio.wait_for(queue.get(), 1))
    order.append(await asyncio.to_thread(time.strftime, "no %%"))
    order.append(await asyncio.get_running_loop().run_in_executor(None, sum, [1, 2]))
    return JSONResponse(order)


async def written_behind(request):
    async def write():
        await asyncio.sleep(0.01)
        with open(f"{DATA}/behind", "a") as log:
            log.write("behind the answer\n")

    return PlainTextResponse("an answer", background=BackgroundTask(write))


async def behind(request):
    for _ in range(100):
        if os.path.exists(f"{DATA}/behind"):
            break
        await asyncio.sleep(0.01)
    return PlainTextResponse(open(f"{DATA}/behind").read())


async def refuses(request):
    raise HTTPException(418, detail="a teapot")


async def fails(request):
    raise ValueError("on purpose")


async def raw(scope, receive, send):
    async def start(status=200, headers=()):
        await send({"type": "http.response.start", "status": status, "headers": [(b"Content-Type", b"text/plain"), *headers]})

    path = scope["path"]
    if path == "/no_answer":
        return
    if path == "/nothing_after":
        await start()
        await send({"type": "http.response.body", "body": b"first" * 100_000, "more_body": True})
        raise ValueError("in the middle")
    if path == "/body_first":
        await send({"type": "http.response.body", "body": b"x"})
    if path == "/empty":
        await start(204)
        await send({"type": "http.response.body"})
    if path == "/twice":
        await start(headers=[(b"X-One", b"1"), (b"x-one", "é".encode("latin-1"))])
        await send({"type": "http.response.body", "body": b"a" * 100_000, "more_body": True})
        await send({"type": "http.response.body", "body": b"b", "more_body": True})
        await send({"type": "http.response.body", "body": b"c"})


application = Starlette(
    lifespan=lifespan,
    routes=[
        Route("/", index), Route("/told/{id:path}", told, methods=["GET", "POST", "PATCH"]), Route("/body", body, methods=["POST"]), Route("/json", json, methods=["PUT"]),
        Route("/parts", parts), Route("/in_a_thread", in_a_thread), Route("/threaded_parts", threaded_parts), Route("/file", file), Route("/cookies", cookies), Route("/times", times),
        Route("/written_behind", written_behind), Route("/behind", behind), Route("/refuses", refuses), Route("/fails", fails),
        Mount("/static", StaticFiles(directory=os.path.join(HERE, "templates"))), Mount("/raw", raw),
    ],
    middleware=[Middleware(Marked), Middleware(GZipMiddleware, minimum_size=500)],
)
