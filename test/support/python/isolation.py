"""What a request leaves behind, draws, and breaks."""
import atexit
import builtins
import decimal
import functools
import json
import os
import pickle
import random
import secrets
import subprocess
import sys
import tempfile
import threading
import time
import uuid

own = random.Random()
another = random.Random()
# The next one has been drawn with it.
another.gauss(0, 1)
seeded = random.Random(7)
seen = []
local = threading.local()
log = open(os.path.join(os.environ["DATA"], "log.txt"), "a")
log.write("loaded\n")


def drawn():
    return {
        "random": random.random(), "own": own.getrandbits(53), "system": random.SystemRandom().random(), "uuid1": uuid.uuid1().hex, "uuid4": uuid.uuid4().hex,
        "secrets": secrets.token_hex(8), "urandom": os.urandom(8).hex(), "tempfile": os.path.basename(tempfile.mktemp()), "process": os.getpid(),
        "clock": time.time_ns(), "state": hash(another.getstate()), "gauss": another.gauss(0, 1),
    }


def left():
    """Whether anything is there of a request before, and then leaves all of it."""
    found = {
        "seen": list(seen), "module": "made_up" in sys.modules, "local": hasattr(local, "value"), "path": "made-up" in sys.path, "environment": "MADE_UP" in os.environ,
        "attribute": hasattr(json, "made_up"), "cwd": os.getcwd(), "limit": sys.getrecursionlimit(), "seeded": seeded.random(), "tmp": os.path.exists("/tmp/open.txt"),
        "query": "QUERY_STRING" in os.environ,
    }
    seen.append(1)
    sys.modules["made_up"] = sys
    local.value = 1
    sys.path.append("made-up")
    os.environ["MADE_UP"] = "1"
    json.made_up = 1
    os.chdir("/tmp")
    sys.setrecursionlimit(500)
    atexit.register(print, "at exit")
    left.file = open("/tmp/open.txt", "w")
    left.file.write("never closed")
    log.write("asked\n")
    log.flush()
    return found


@functools.lru_cache
def cached(key):
    return []


def left_in_all():
    """As `left`, with the names of the other languages."""
    found = {
        "state": bool(seen), "cache": cached.cache_info().currsize > 0, "global": "made_up" in globals(), "interned": hasattr(json, "interned"), "modules": "made_up" in sys.modules,
        "local": hasattr(local, "value"), "patched": hasattr(json, "made_up"), "defined": hasattr(builtins, "made_up"), "environment": "MADE_UP" in os.environ, "path": "made-up" in sys.path,
        "folder": os.getcwd() == "/tmp", "temporary": os.path.exists("/tmp/open.txt"), "open": hasattr(left, "file"), "handler": sys.excepthook is not sys.__excepthook__,
        "settings": decimal.getcontext().prec != 28, "query": "QUERY_STRING" in os.environ,
    }
    cached(1)
    globals()["made_up"] = 1
    json.interned = sys.intern("made up " + str(len(seen)))
    builtins.made_up = 1
    sys.excepthook = print
    decimal.getcontext().prec = 5
    left()
    return found


def recurse(depth=0):
    return recurse(depth + 1)


class Endless:
    def __del__(self):
        while True:
            pass


class Nested:
    def __eq__(self, other):
        return [self] == [Nested()]


def breaks(name):
    if name == "loop":
        while True:
            pass
    if name == "caught":
        while True:
            try:
                while True:
                    raise ValueError
            except BaseException:
                pass
    if name == "doubling":
        text = "x"
        while True:
            text += text
    if name == "finalizer":
        Endless()
    if name == "memory":
        kept = []
        while True:
            kept.append(bytearray(1 << 20))
    if name == "recursion":
        recurse()
    if name == "nested":
        sys.setrecursionlimit(10**6)
        return Nested() == 1
    if name == "parser":
        return eval("(" * 5000 + ")" * 5000)
    if name == "data":
        return pickle.loads(b"cos\nsystem\n(S'true'\ntR.")
    if name == "pickle":
        return pickle.loads(b"\x80\x04" + b"X\x01\x00\x00\x00x" * 100 + b"\x8d" + (1 << 40).to_bytes(8, "little"))
    if name == "json":
        return json.loads("[" * 100_000)
    if name == "exit":
        sys.exit(3)
    if name == "native":
        import needs_native
    if name == "missing":
        import ssl
    if name == "integer":
        return 10 ** (10 ** 9)
    if name == "regex":
        import re
        return re.match(r"(a+)+$", "a" * 40 + "b")
    if name == "thread":
        threading.Thread(target=print).start()
    if name == "fork":
        os.fork()
    if name == "process":
        subprocess.run(["true"])
    if name == "popen":
        os.popen("true")


def application(environ, start_response):
    name = environ["PATH_INFO"].lstrip("/")
    pages = {"drawn": drawn, "left": left_in_all, "left_ahead": left, "seed": lambda: {"seed": hash("a")}}
    answer = pages[name]() if name in pages else breaks(name)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]
