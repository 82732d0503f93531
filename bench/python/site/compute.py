"""Pages that only compute: an application of WSGI, and `compute.py NAME COUNT`, which prints the processor time of each in microseconds."""
import json
import math
import re
import sys
import time

TEXT = " ".join(f"word{number} name{number}@example{number % 7}.org, {number}-{number * 3};" for number in range(400))
ADDRESS = re.compile(r"([a-z]+\d*)@([a-z]+\d*)\.(org|com)")
ROWS = [{"number": number, "name": f"row {number}", "price": number * 1.5, "tags": ["a", "b"]} for number in range(300)]


def fib(number=18):
    return number if number < 2 else fib(number - 1) + fib(number - 2)


def packed():
    return len(json.loads(json.dumps(ROWS)))


def regex():
    return sum(len(match[1]) for match in ADDRESS.finditer(TEXT)) + len(re.sub(r"\d+-\d+", "x", TEXT))


def nbody():
    bodies = [[number * 1.1, number * 0.7, 0.3, 0.0, 0.0, 0.0, 1.0 + number] for number in range(5)]
    for _ in range(60):
        for at, one in enumerate(bodies):
            for other in bodies[at + 1 :]:
                dx, dy, dz = one[0] - other[0], one[1] - other[1], one[2] - other[2]
                pull = 0.01 / ((dx * dx + dy * dy + dz * dz + 0.01) * math.sqrt(dx * dx + dy * dy + dz * dz + 0.01))
                one[3] -= dx * other[6] * pull
                one[4] -= dy * other[6] * pull
                other[3] += dx * one[6] * pull
                other[4] += dy * one[6] * pull
        for body in bodies:
            body[0] += 0.01 * body[3]
            body[1] += 0.01 * body[4]
    return bodies[0][0]


PAGES = {"fib": fib, "json": packed, "regex": regex, "nbody": nbody}


def application(environ, start_response):
    answer = str(PAGES[environ["PATH_INFO"].lstrip("/")]()).encode()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [answer]


if __name__ == "__main__":
    page, count = PAGES[sys.argv[1]], int(sys.argv[2])
    for _ in range(count):
        page()
    from_time = time.process_time()
    for _ in range(count):
        page()
    print((time.process_time() - from_time) * 1e6 / count)
