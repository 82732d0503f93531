"""What of the standard library is beside its code, or is not CPython's own: sources, mapped files, groups, limits."""
import bz2
import inspect
import json
import lzma
import mmap
import os
import platform
import resource
import sys
import textwrap
import traceback

DATA = os.environ["DATA"]


def map_file(name, text):
    path = f"{DATA}/{name}"
    with open(path, "w+b") as file:
        file.write(text)
        file.flush()
        return path, mmap.mmap(file.fileno(), 0)


def read(path):
    with open(path, "rb") as file:
        return file.read().decode()


# Before there is a request.
OLD_PATH, OLD = map_file("old", b"old text")
OLD[0:3] = b"new"


def sources():
    try:
        textwrap.dedent(1)
    except TypeError:
        lines = traceback.format_exc().splitlines()[:-1]
        last = [line.strip() for line in lines if "^^" not in line][-1]
    try:
        source = inspect.getsource(textwrap.dedent).splitlines()[0]
    except OSError as error:
        source = type(error).__name__
    return {"file": textwrap.__file__, "source": source, "raised": last, "executable": sys.executable, "libc": platform.libc_ver()[0]}


def mapped():
    path, both = map_file("both", b"a" * 10_000)
    both[9_000:9_003] = b"xyz"
    before = read(path)[9_000:9_003]
    both.flush()
    after = read(path)[9_000:9_003]
    both[0:1] = b"z"
    both.close()
    try:
        mmap.mmap(os.open(path, os.O_RDONLY), 0)
        refused = None
    except PermissionError as error:
        refused = type(error).__name__
    return {"before": before, "after": after, "closed": read(path)[:2], "refused": refused}


def kept():
    """What was mapped before the snapshot is there, and closing it is nothing to the files that are open now."""
    file = open(f"{DATA}/own", "w+b", 0)
    seen, written = OLD[:].decode(), read(OLD_PATH)
    OLD[0:3] = b"odd"
    try:
        OLD.flush()
        flushed = True
    except OSError:
        flushed = False
    OLD.close()
    file.write(b"own")
    return {"seen": seen, "written": written, "flushed": flushed, "after": read(OLD_PATH), "own": read(f"{DATA}/own")}


def packed():
    resource.setrlimit(resource.RLIMIT_NOFILE, (10, 10))
    text = b"text" * 1000
    return {
        "packed": [text == packer.decompress(packer.compress(text)) for packer in (bz2, lzma)],
        "limit": resource.getrlimit(resource.RLIMIT_NOFILE),
        "used": resource.getrusage(resource.RUSAGE_SELF).ru_utime > 0,
    }


def application(environ, start_response):
    answer = globals()[environ["PATH_INFO"].lstrip("/")]()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]
