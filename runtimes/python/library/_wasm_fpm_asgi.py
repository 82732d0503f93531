"""ASGI 3, for HTTP: makes of an application one that is called as WSGI has it. Its event loop, and its lifespan, begin before all requests."""
import asyncio
import http
import os
import sys
import traceback

# As much of a body as an application is given at once.
PIECE_BYTES = 65536
ASGI = {"version": "3.0", "spec_version": "2.3"}
REASONS = {status.value: status.phrase for status in http.HTTPStatus}

loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
# Whether the answer may end before the request does: one that is run ahead is run more than once.
may_finish = False


class Request:
    """One request: what the application is told of it, and what becomes of its answer."""

    def __init__(self, environ, start_response, state):
        self.environ = environ
        self.start_response = start_response
        self.state = state
        self.write = self.unsent = None
        self.is_read = self.has_body = self.is_complete = self.is_finished = False
        length = environ.get("CONTENT_LENGTH")
        self.unread = int(length) if length and length.isdigit() else None
        self.completed = asyncio.Event()

    async def receive(self):
        if self.is_read or self.is_complete:
            # Whether the client is there nobody is told, but for the end of the request.
            await self.completed.wait()
            return {"type": "http.disconnect"}
        size = PIECE_BYTES if self.unread is None else min(self.unread, PIECE_BYTES)
        body = sys.stdin.buffer.read1(size) if size else b""
        if self.unread is not None:
            self.unread -= len(body)
        self.is_read = not body or self.unread == 0
        return {"type": "http.request", "body": body, "more_body": not self.is_read}

    async def send(self, message):
        kind = message["type"]
        if kind == "http.response.start" and self.write is None:
            status = message["status"]
            headers = [(bytes(name).decode("latin-1"), bytes(value).decode("latin-1")) for name, value in message.get("headers", ())]
            self.write = self.start_response(f"{status} {REASONS.get(status, '')}".rstrip(), headers)
            self.unsent = next((int(value) for name, value in headers if name.lower() == "content-length" and value.isdigit()), None)
        elif kind == "http.response.body" and self.write is not None and not self.is_complete:
            if body := message.get("body", b""):
                self.send_body(bytes(body))
            if not message.get("more_body", False):
                self.complete()
        else:
            wanted = "'http.response.start'" if self.write is None else "'http.response.body', until the answer is complete"
            raise RuntimeError(f"the application has sent {kind!r}, wanted {wanted}")

    def send_body(self, body):
        if self.is_finished:
            raise RuntimeError("the application has sent more than its Content-Length says")
        self.write(body)
        self.has_body = True
        if self.unsent is not None:
            self.unsent -= len(body)
            # A web server that has it all may be gone before the application says so.
            if self.unsent <= 0:
                self.finish()

    def complete(self):
        self.is_complete = True
        self.completed.set()
        # Without a body the header is still to be written.
        if self.has_body:
            self.finish()

    def finish(self):
        """Its client need not wait for what is done behind it."""
        if may_finish and not self.is_finished:
            self.is_finished = True
            os.close(1)

    def scope(self):
        environ = self.environ
        path = environ.get("PATH_INFO", "").encode("latin-1")
        scope = {
            "type": "http", "asgi": ASGI, "http_version": environ.get("SERVER_PROTOCOL", "HTTP/1.1").rpartition("/")[2],
            "method": environ["REQUEST_METHOD"], "scheme": environ["wsgi.url_scheme"], "path": path.decode("utf-8", "replace"),
            "raw_path": environ.get("REQUEST_URI", "").partition("?")[0].encode("latin-1") or path,
            "query_string": environ.get("QUERY_STRING", "").encode("latin-1"), "root_path": environ.get("SCRIPT_NAME", "").encode("latin-1").decode("utf-8", "replace"),
            "headers": list(headers_of(environ)), "server": address(environ, "SERVER_NAME", "SERVER_PORT"), "client": address(environ, "REMOTE_ADDR", "REMOTE_PORT"),
        }
        if self.state is not None:
            scope["state"] = self.state.copy()
        return scope


def headers_of(environ):
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            yield name[5:].lower().replace("_", "-").encode("latin-1"), value.encode("latin-1")
        elif name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value:
            yield name.lower().replace("_", "-").encode("latin-1"), value.encode("latin-1")


def address(environ, name, port):
    number = environ.get(port, "")
    return (environ[name], int(number) if number.isdigit() else 0) if environ.get(name) else None


def as_wsgi(application):
    state = start_lifespan(application)

    def answer(environ, start_response):
        if environ.get("HTTP_UPGRADE", "").lower() == "websocket":
            return refuse_web_socket(environ, start_response)
        others = asyncio.all_tasks(loop)
        request = Request(environ, start_response, state)
        loop.run_until_complete(answer_one(application, request, others))
        return ()

    return answer


def refuse_web_socket(environ, start_response):
    """Whoever asks for one can do nothing with the page that an application would answer with, and would not know why."""
    said = "a web socket cannot be had here: FastCGI carries requests and answers, and this application is asked for the scope 'http' only"
    print(f"{environ.get('PATH_INFO', '')}: {said}", file=sys.stderr)
    start_response("501 Not Implemented", [("Content-Type", "text/plain")])
    return (f"{said}\n".encode(),)


async def answer_one(application, request, others):
    try:
        await application(request.scope(), request.receive, request.send)
    except BaseException:
        if not request.is_complete:
            raise
        traceback.print_exc()
    if request.write is None:
        raise RuntimeError("the application has returned without an answer: it has sent no 'http.response.start'")
    if not request.is_complete:
        raise RuntimeError("the application has returned before its answer was complete: it has sent no last 'http.response.body'")
    # What goes on behind an answer has no other time to: nothing of it is there in the next request.
    while tasks := asyncio.all_tasks(loop) - others - {asyncio.current_task()}:
        await asyncio.wait(tasks)


def start_lifespan(application):
    """What is begun before there are requests; answers what the application has left for them. It never ends: nothing does."""
    return loop.run_until_complete(begin(application))


async def begin(application):
    state = {}
    started = loop.create_future()
    messages = [{"type": "lifespan.startup"}]

    async def receive():
        return messages.pop() if messages else await loop.create_future()

    async def send(message):
        if not started.done():
            started.set_result(message)

    async def run():
        await application({"type": "lifespan", "asgi": ASGI, "state": state}, receive, send)

    task = begin.task = loop.create_task(run())
    await asyncio.wait({task, started}, return_when=asyncio.FIRST_COMPLETED)
    if started.done():
        message = started.result()
        if message["type"] == "lifespan.startup.failed":
            raise RuntimeError(f"the application has not started: {message.get('message', '')}")
        return state
    # It knows no lifespan, as most do that are not a framework's.
    task.exception()
    return None
