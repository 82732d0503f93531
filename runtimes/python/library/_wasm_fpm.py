"""What the reactor does in Python: it finds the application, and sees to what must not be the same in all requests."""
import gc
import importlib
import importlib.machinery
import io
import os
import random
import sys
import types
import weakref

import _wasm_fpm_lasting
import _wasm_fpm_random

# Modules of CPython that only its tests ask for, and have to come from its own importer.
FROZEN_FOR_TESTS = {"__hello__", "__hello_alias__", "__hello_only__", "__phello__", "__phello_alias__"}
# What is asked for and may not be there is read in pieces of this: Python takes the memory first.
PIECE_BYTES = 1024 * 1024


class Input(io.BufferedReader):
    """wsgi.input: the body of the request, of which a program may ask for more than there is."""

    def read(self, size=-1):
        if size is None or size <= PIECE_BYTES:
            return super().read(size)
        parts = []
        while size > 0 and (part := super().read(min(size, PIECE_BYTES))):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


sys.stdin = io.TextIOWrapper(Input(io.FileIO(0, "rb", closefd=False)), encoding="utf-8", errors="surrogateescape")
sys.stderr = io.TextIOWrapper(io.open(2, "wb", 0, closefd=False), encoding="utf-8", errors="backslashreplace", write_through=True)
# What a program prints is no part of an answer.
sys.stdout = sys.stderr
sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
# There is no program; modules of the standard library read it when they are imported.
sys.executable = sys._base_executable = ""

# Where packages of a tenant are looked for beside its own modules, in its root and on a Debian machine.
PACKAGES = ("site-packages", ".venv/lib/python3.11/site-packages", "venv/lib/python3.11/site-packages")
SYSTEM_PACKAGES = "/usr/lib/python3/dist-packages"
# Parts of the standard library that are other people's libraries, or the system's, which this one has not.
ABSENT = {
    "_ssl": "no TLS of its own", "_ctypes": "no foreign functions", "_curses": "no terminal", "readline": "no terminal",
    "termios": "no terminal", "_dbm": "no dbm", "_gdbm": "no dbm", "_tkinter": "no windows", "_posixsubprocess": "no processes", "_multiprocessing": "no processes",
    "_posixshmem": "no shared memory", "fcntl": "no fcntl", "pwd": "no users", 
    "syslog": "no system log", "_crypt": "no crypt", "_uuid": "no library for them", "nis": "no NIS", "ossaudiodev": "no sound", "spwd": "no users",
}


class FileWrapper:
    """wsgi.file_wrapper: what a file holds, a block at a time."""

    def __init__(self, file, block_size=65536):
        self.file = file
        self.block_size = block_size
        if hasattr(file, "close"):
            self.close = file.close

    def __iter__(self):
        return self

    def __next__(self):
        if block := self.file.read(self.block_size):
            return block
        raise StopIteration


class OwnModules:
    """Before the standard library, as where that is a folder further down sys.path: the tenant's root, and what PYTHONPATH names."""

    path = []

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return importlib.machinery.PathFinder.find_spec(name, cls.path, target) if path is None and cls.path else None


class Library(importlib.machinery.FrozenImporter):
    """The standard library. Its code is in the runtime, its sources are where a tenant has mounted them."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in FROZEN_FOR_TESTS else super().find_spec(name, path, target)

    @classmethod
    def get_filename(cls, name):
        if (spec := cls.find_spec(name)) is None:
            raise ImportError(f"{name!r} is no module of the standard library", name=name)
        return spec.loader_state.filename

    @classmethod
    def get_source(cls, name):
        try:
            with io.open(cls.get_filename(name), "rb") as file:
                data = file.read()
        except OSError:
            return None
        import importlib.util

        return importlib.util.decode_source(data)

    @classmethod
    def adopt(cls, module):
        """One that was imported before this class was there."""
        if spec := cls.find_spec(module.__name__):
            module.__spec__, module.__loader__, module.__file__ = spec, cls, spec.loader_state.filename
            if spec.submodule_search_locations is not None:
                module.__path__ = spec.submodule_search_locations


class AdaptedModules:
    """What has parts that this runtime has to see to."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if not name.startswith("anyio."):
            return None
        import _wasm_fpm_anyio

        return _wasm_fpm_anyio.find_spec(name, path, target)


class AbsentModules:
    """The last one to be asked for a module: says what is wrong with it, where that can be known."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}: this runtime has {ABSENT[name]}", name=name)
        last = name.rpartition(".")[2]
        for folder in sys.path if path is None else path:
            if found := native_module(folder, last):
                # No ModuleNotFoundError: `from package import module` keeps that to itself.
                raise ImportError(
                    f"module {name!r} is native code and cannot be had here: {found}; "
                    f"wanted a package in pure Python, or one that does without", name=name, path=found)
        return None


def native_module(folder, name):
    try:
        entries = os.listdir(folder)
    except OSError:
        return None
    return next((f"{folder}/{entry}" for entry in entries if entry.startswith(f"{name}.") and entry.endswith((".so", ".pyd"))), None)


# Generators that nobody has given a seed.
unseeded = weakref.WeakSet()
seed_of_random = random.Random.seed


def seed(self, a=None, version=2):
    if a is None:
        unseeded.add(self)
    else:
        unseeded.discard(self)
    seed_of_random(self, a, version)


random.Random.seed = seed
unseeded.add(random._inst)
# A function of the module is a method of this one, bound when there was another.
random.seed = random._inst.seed


# See inspect, which takes long to be imported.
CO_COROUTINE = 0x80
# Files that were opened when there was no request: they are open in each one, as if nothing had closed them.
kept_open = []
# Modules whose files the host knows of.
known_modules = set()


def begin_request(is_ahead=False):
    """Before each request, where `end_warm` has said so: a request begins with the memory as it is now, and most need nothing."""
    if asgi := sys.modules.get("_wasm_fpm_asgi"):
        asgi.may_finish = not is_ahead
    for file, name, mode, position in kept_open:
        try:
            file.__init__(name, mode)
            if position is not None:
                file.seek(position)
        except OSError:
            pass  # It is not there any more; who uses it is told that it is closed.


def forget_randomness():
    """What is drawn from now on is another one in each request."""
    for generator in tuple(unseeded):
        generator.gauss_next = None
        _wasm_fpm_random.forget(generator)
    if tempfile := sys.modules.get("tempfile"):
        tempfile._name_sequence = None


def end_warm():
    """The next thing is a request, or one that is run ahead. Answers whether each of them needs `begin_request`."""
    gc.unfreeze()
    gc.collect()
    close_files()
    show_modules()
    forget_randomness()
    # What is there now is there in all requests: nothing need count who refers to it, nor the collector look at it, for both would write to it.
    _wasm_fpm_lasting.keep(gc.get_objects())
    gc.freeze()
    return bool(kept_open) or "_wasm_fpm_asgi" in sys.modules


def close_files():
    kept_open.clear()
    for written in gc.get_objects():
        if isinstance(written, (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)) and not written.closed:
            written.flush()
    for file in gc.get_objects():
        if not isinstance(file, io.FileIO) or file.closed or file.fileno() <= 2:
            continue
        position = file.tell() if file.seekable() and not file.mode.startswith("a") else None
        if isinstance(file.name, (str, bytes)):
            name = os.path.join(os.getcwd(), os.fsdecode(file.name))
            kept_open.append((file, name, "rb+" if file.mode in ("wb", "xb") else file.mode, position))
        file.close()


def show_modules():
    """A module is loaded anew when its file changes, which the host looks for in files that were opened; compiled ones stand for theirs."""
    for name, module in list(sys.modules.items()):
        if name in known_modules or not isinstance(module, types.ModuleType):
            continue
        known_modules.add(name)
        path = vars(module).get("__file__")
        if isinstance(path, str) and path.endswith(".py") and not path.startswith(f"{sys._stdlib_dir}/"):
            try:
                os.close(os.open(path, os.O_RDONLY))
            except OSError:
                pass


def set_environment(environment):
    """os.environ as it is now: the interpreter reads it once, when there is no tenant."""
    os.environ._data.clear()
    os.environ._data.update((name, value) for name, value in environment.items() if not name.startswith(b"WASM_FPM_"))


def search_path(root):
    named = [os.path.join(root, folder) for folder in os.environ.get("PYTHONPATH", "").split(":") if folder]
    OwnModules.path = [root, *named]
    sys.path[:] = OwnModules.path + ([sys._stdlib_dir] if os.path.isdir(sys._stdlib_dir) else [])
    import site

    for folder in (*(f"{root}/{folder}" for folder in PACKAGES), SYSTEM_PACKAGES):
        if os.path.isdir(folder):
            site.addsitedir(folder)
    site.setquit()


def load_application(environment):
    """The application that WASM_FPM_APP (`package.module:variable`) means, and what its environ always has."""
    name, root = (environment[key].decode() for key in (b"WASM_FPM_APP", b"WASM_FPM_ROOT"))
    set_environment(environment)
    search_path(root)
    os.chdir(os.environ.get("PWD", root))
    module_name, _, variable = name.partition(":")
    module = importlib.import_module(module_name)
    application = module
    for part in (variable or "application").split("."):
        application = getattr(application, part)
    if not callable(application):
        raise TypeError(f"{name} is {type(application).__name__}, wanted what can be called, as WSGI or ASGI has it")
    if is_asgi(application):
        import _wasm_fpm_asgi

        application = _wasm_fpm_asgi.as_wsgi(application)
    constants = {
        "wsgi.version": (1, 0), "wsgi.input": sys.stdin.buffer, "wsgi.errors": sys.stderr, "wsgi.multithread": False,
        "wsgi.multiprocess": True, "wsgi.run_once": False, "wsgi.file_wrapper": FileWrapper,
    }
    return application, constants


def is_asgi(application):
    """As uvicorn tells it: calling it makes a coroutine."""
    if isinstance(application, type):
        return hasattr(application, "__await__")
    while callee := getattr(application, "func", None) or getattr(application, "__func__", None):
        application = callee
    if not isinstance(application, types.FunctionType):
        application = getattr(type(application), "__call__", None)
    code = getattr(application, "__code__", None)
    return code is not None and bool(code.co_flags & CO_COROUTINE)


def run_script(environment):
    """A file of its own, as CGI runs it. Answers what the program ends with."""
    set_environment(environment)
    path = os.environ["SCRIPT_FILENAME"]
    folder = os.path.dirname(path)
    search_path(os.environ.get("DOCUMENT_ROOT", folder))
    sys.path.insert(0, folder)
    os.chdir(folder)
    sys.argv[:] = [path]
    sys.stdout = sys.__stdout__ = io.TextIOWrapper(io.open(1, "wb", closefd=False), encoding="utf-8", errors="surrogateescape")
    try:
        with open(path, "rb") as file:
            code = compile(file.read(), path, "exec", dont_inherit=True)
        main = types.ModuleType("__main__")
        main.__file__ = path
        sys.modules["__main__"] = main
        exec(code, main.__dict__)
        return 0
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    finally:
        import atexit

        atexit._run_exitfuncs()
        sys.stdout.flush()


at = sys.meta_path.index(importlib.machinery.FrozenImporter)
sys.meta_path[at:at] = OwnModules, Library
for module in list(sys.modules.values()):
    Library.adopt(module)
sys.meta_path.insert(0, AdaptedModules)
sys.meta_path.append(AbsentModules)
forget_randomness()
_wasm_fpm_lasting.keep(gc.get_objects())
