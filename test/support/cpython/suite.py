"""Runs a module of CPython's own tests, and says what became of each: a program (`suite.py MODULE`), and an application of WSGI, whose path is the module."""
import importlib
import io
import json
import os
import sys
import unittest

# What a request has not. Where there is, it is taken away, so that what needs it fails on both sides.
DENIED = ("socket.", "subprocess.", "os.fork", "os.posix_spawn", "os.system", "os.exec", "os.spawn")


def deny_what_requests_have_not():
    import _thread
    import threading

    def start_new_thread(*args, **kwargs):
        raise RuntimeError("can't start new thread")

    def refuse(event, _):
        if event.startswith(DENIED):
            raise OSError(f"{event}: not here")

    _thread.start_new_thread = _thread.start_new = threading._start_new_thread = start_new_thread
    sys.addaudithook(refuse)


class Verdicts(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.buffer = True
        self.all = {}

    def startTest(self, test):
        super().startTest(test)
        self.all[test.id()] = "pass"

    def addError(self, test, error):
        self.all[test.id()] = f"fail: {error[0].__name__}: {error[1]}"[:300]

    addFailure = addError

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.addError(test, error)

    def addSkip(self, test, reason):
        self.all[test.id()] = f"skip: {reason}"[:300]

    def addExpectedFailure(self, test, error):
        self.all[test.id()] = "pass"

    def addUnexpectedSuccess(self, test):
        self.all[test.id()] = "fail: it was expected to"


def run(name):
    """An object of verdicts by the tests' names; of the module itself where it cannot be loaded."""
    from test import support

    support.use_resources = ()
    support.verbose = 0
    try:
        module = importlib.import_module(f"test.{name}")
        tests = unittest.defaultTestLoader.loadTestsFromModule(module)
    except unittest.SkipTest as skipped:
        return {name: f"skip: {skipped}"}
    except BaseException as error:
        return {name: f"fail: {type(error).__name__}: {error}"[:300]}
    verdicts = Verdicts()
    from test.support import os_helper

    with os_helper.temp_cwd(quiet=True):
        tests.run(verdicts)
    return verdicts.all


def application(environ, start_response):
    answer = json.dumps(run(environ["PATH_INFO"].lstrip("/"))).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [answer]


if __name__ == "__main__":
    deny_what_requests_have_not()
    out = os.dup(1)
    answer = json.dumps(run(sys.argv[1]))
    os.write(out, b"\n" + answer.encode())
    os._exit(0)
