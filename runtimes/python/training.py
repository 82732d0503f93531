"""What is run when the runtime is built: so it is known which way the interpreter's branches mostly go, and what of it is worth the compiler's while. As varied as applications are, with the standard library alone."""
import collections
import contextlib
import csv
import dataclasses
import datetime
import enum
import functools
import gc
import hashlib
import html
import io
import itertools
import json
import logging
import math
import re
import string
import sys
import urllib.parse
from email.utils import formatdate
from http.cookies import SimpleCookie
from wsgiref.headers import Headers

try:
    import _wasm_fpm_lasting
except ImportError:  # this machine's own
    _wasm_fpm_lasting = None
try:
    import sqlite3
except ImportError:
    sqlite3 = None


class Kind(enum.Enum):
    FRUIT = "fruit"
    TOOL = "tool"


@dataclasses.dataclass
class Product:
    name: str
    price: float
    kind: Kind = Kind.FRUIT
    tags: list = dataclasses.field(default_factory=list)

    @property
    def label(self):
        return f"{self.name} <{self.kind.value}> {self.price:.2f}"

    def __lt__(self, other):
        return (self.price, self.name) < (other.price, other.name)


class Lazy:
    """A descriptor, as frameworks have them."""

    def __init__(self, make):
        self.make = make
        self.name = make.__name__

    def __get__(self, owner, kind=None):
        if owner is None:
            return self
        value = owner.__dict__[self.name] = self.make(owner)
        return value


class Request:
    def __init__(self, environ):
        self.environ = environ

    @Lazy
    def args(self):
        return dict(urllib.parse.parse_qsl(self.environ.get("QUERY_STRING", "")))

    @Lazy
    def cookies(self):
        return {name: morsel.value for name, morsel in SimpleCookie(self.environ.get("HTTP_COOKIE", "")).items()}

    def __getattr__(self, name):
        try:
            return self.environ["HTTP_" + name.upper()]
        except KeyError:
            raise AttributeError(name) from None


ROUTES = []


def route(pattern, **options):
    def register(handler):
        ROUTES.append((re.compile(f"^{pattern}$"), handler, options))
        return handler

    return register


def logged(handler):
    @functools.wraps(handler)
    def inner(*args, **keywords):
        with contextlib.suppress(KeyError):
            keywords.pop("nothing")
        return handler(*args, **keywords)

    return inner


PRODUCTS = [Product(f"product {number}", number * 1.25, Kind.TOOL if number % 3 else Kind.FRUIT, ["a", str(number)]) for number in range(40)]
TEMPLATE = string.Template("<li class=$kind>$name costs $price</li>")


@route("/")
@logged
def index(request):
    rows = "".join(TEMPLATE.substitute(kind=each.kind.value, name=html.escape(each.label), price=each.price) for each in sorted(PRODUCTS))
    return "200 OK", "text/html", f"<ul>{rows}</ul>"


@route(r"/item/(?P<number>\d+)")
@logged
def item(request, number):
    found = PRODUCTS[int(number)]
    return "200 OK", "application/json", json.dumps({**dataclasses.asdict(found), "kind": found.kind.name, "asked": request.args})


@route("/search")
@logged
def search(request):
    word = request.args.get("q", "")
    found = [each for each in PRODUCTS if word in each.name or word in each.tags]
    groups = {kind: list(each) for kind, each in itertools.groupby(sorted(found, key=lambda each: each.kind.value), key=lambda each: each.kind)}
    return "200 OK", "text/plain", "\n".join(f"{kind.name}: {len(each)} {max(each).label}" for kind, each in groups.items())


@route("/text")
def text(request):
    return "200 OK", "text/plain", "hello " + request.cookies.get("user", "nobody") + getattr(request, "missing", "")


def application(environ, start_response):
    request = Request(environ)
    for pattern, handler, _options in ROUTES:
        if match := pattern.match(environ["PATH_INFO"]):
            status, kind, body = handler(request, **match.groupdict())
            break
    else:
        status, kind, body = "404 Not Found", "text/plain", "nothing"
    body = body.encode()
    headers = Headers([("Content-Type", kind)])
    headers.add_header("Content-Length", str(len(body)))
    headers["Date"] = formatdate(0, usegmt=True)
    start_response(status, headers.items())
    return [body]


PATHS = ("/", "/item/7?full=1&x=%20y", "/search?q=3", "/text", "/none")


def requests(count):
    for number in range(count):
        path, _, query = PATHS[number % len(PATHS)].partition("?")
        environ = {
            "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query, "SCRIPT_NAME": "", "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "localhost", "HTTP_COOKIE": "user=me; theme=dark", "HTTP_ACCEPT": "text/html,*/*;q=0.8", "wsgi.input": io.BytesIO(),
        }
        answer = []
        answer.extend(application(environ, lambda status, headers: answer.append(status.encode())))
        b"".join(answer)


def calls(number):
    return number if number < 2 else calls(number - 1) + calls(number - 2)


def numbers():
    total = 0.0
    grid = [[math.sin(row * column) for column in range(30)] for row in range(30)]
    for row in range(1, 29):
        for column in range(1, 29):
            total += grid[row][column] * 0.5 - (grid[row - 1][column] + grid[row + 1][column]) / 4.0
    primes = [number for number in range(2, 400) if all(number % other for other in range(2, int(number**0.5) + 1))]
    return total, sum(primes), pow(3, 200, 10**40 + 7), divmod(10**30, 12345)


def texts():
    words = re.findall(r"[a-z]+", __doc__.lower() * 20)
    counts = collections.Counter(words)
    lines = [f"{word:>12}: {count:04d} {count / len(words):7.2%}" for word, count in counts.most_common(20)]
    joined = "\n".join(lines).replace(":", ";").upper().title().split("\n")
    return re.sub(r"(\w+)@(\w+)\.org", r"\2 at \1", "someone@example.org, other@example.org; " * 20), joined, "é".join(words).encode().decode()


def files():
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows((each.name, each.price) for each in PRODUCTS)
    rows = list(csv.DictReader(io.StringIO(out.getvalue()), ["name", "price"]))
    return hashlib.sha256(repr(rows).encode()).hexdigest(), json.loads(json.dumps(rows, indent=2))


def errors():
    caught = 0
    for value in (1, "a", None, [], {}) * 4:
        try:
            caught += 1 if value["key"] else 2
        except (TypeError, KeyError, IndexError) as error:
            caught += len(str(error))
        finally:
            caught += 1
    return caught


def stored():
    if sqlite3 is None:
        return []
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.execute("create table product (name text, price real)")
        database.executemany("insert into product values (?, ?)", [(each.name, each.price) for each in PRODUCTS])
        return database.execute("select name, sum(price) from product where price > ? group by name order by 2", (10,)).fetchall()


def queues():
    queue = collections.deque(range(50))
    seen = set()
    while queue:
        number = queue.popleft()
        if number in seen:
            continue
        seen.add(number)
        if number % 7 == 0:
            queue.append(number + 100)
    dates = [datetime.date(2024, 1, 1) + datetime.timedelta(days=number) for number in range(40)]
    return len(seen), sorted({date.strftime("%A") for date in dates}), functools.reduce(lambda one, other: one ^ other, seen)


def everything(count):
    requests(5 * count)
    for each in (lambda: calls(12), numbers, texts, files, errors, stored, queues):
        for _ in range(max(1, count // 10)):
            each()


logging.getLogger("training").debug("not said")
everything(10)
# As it is when an application has been loaded.
if _wasm_fpm_lasting is not None:
    _wasm_fpm_lasting.keep(gc.get_objects())
gc.freeze()
everything(60)
sys.stdout.write("Content-Type: text/plain\n\n")
