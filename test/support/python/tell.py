"""A WSGI application without a framework: what it is told, and each way to answer."""
import io
import json
import os
import sys


class Closing:
    def __init__(self, parts):
        self.parts = iter(parts)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.parts)

    def close(self):
        print("closed", file=sys.stderr)


def tell(environ, start_response):
    told = {name: value for name, value in environ.items() if isinstance(value, (str, int, bool, tuple))}
    told["body"] = environ["wsgi.input"].read().decode("latin-1")
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(told, sort_keys=True).encode()]


def lines(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    found = [environ["wsgi.input"].readline(), environ["wsgi.input"].read(3), *environ["wsgi.input"]]
    return [b"|".join(found)]


def greedy(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    body = environ["wsgi.input"]
    return [b"%d, %d" % (len(body.read(10**9)), len(body.read(1)))]


def write(environ, start_response):
    write = start_response("201 Created", [("Content-Type", "text/plain")])
    write(b"one ")
    write(b"")
    write(b"two ")
    return [b"three"]


def parts(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Twice", "a"), ("X-Twice", "b")])
    return Closing([b"", b"one ", b"two"])


def generated(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    for number in range(1000):
        yield b"%d\n" % number


def file(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return environ["wsgi.file_wrapper"](io.BytesIO(bytes(range(256)) * 1000), 4096)


def nothing(environ, start_response):
    start_response("204 No Content", [])
    return []


def empty(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "0")])
    return []


def fails(environ, start_response):
    raise RuntimeError("this is what went wrong")


def changes_its_mind(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html")])
    try:
        raise ValueError("after all")
    except ValueError:
        start_response("503 Service Unavailable", [("Content-Type", "text/plain")], sys.exc_info())
    return [b"not now"]


def generator_fails(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    raise RuntimeError("before the first part")
    yield b"never"


def breaks_off(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"x" * 200_000
    raise RuntimeError("after the first part")


def large(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return [b"x" * 300_000, b"y" * 300_000]


def cookies(environ, start_response):
    start_response("302 Found", [("Location", "/tell"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2; Path=/")])
    return [b""]


def application(environ, start_response):
    name = environ["PATH_INFO"].strip("/").split("/")[0]
    found = globals().get(name, tell)
    return found(environ, start_response) if callable(found) else tell(environ, start_response)
