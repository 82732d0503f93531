"""Limits of a process, which has none here of its own: they can be read and set, and bind nothing. What binds are the tenant's."""
import operator
import time
from collections import namedtuple

error = OSError
RLIM_INFINITY = -1
RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_CORE, RLIMIT_RSS, RLIMIT_NPROC, RLIMIT_NOFILE, RLIMIT_MEMLOCK, RLIMIT_AS = range(10)
RUSAGE_SELF, RUSAGE_CHILDREN = 0, -1
PAGE_BYTES = 65536
MOST = 2**63 - 1

_limits = {number: (RLIM_INFINITY, RLIM_INFINITY) for number in range(10)}
struct_rusage = namedtuple(
    "struct_rusage",
    "ru_utime ru_stime ru_maxrss ru_ixrss ru_idrss ru_isrss ru_minflt ru_majflt ru_nswap ru_inblock ru_oublock ru_msgsnd ru_msgrcv ru_nsignals ru_nvcsw ru_nivcsw",
    defaults=(0.0, 0.0) + (0,) * 14,
)


def getrlimit(resource):
    """What can be exceeded, and what it can be raised to."""
    try:
        return _limits[operator.index(resource)]
    except KeyError:
        raise ValueError("invalid resource specified") from None


def setrlimit(resource, limits):
    """Says the same from now on, until the request ends."""
    _, most = getrlimit(resource)
    soft, hard = map(operator.index, limits)
    if not -1 <= soft <= MOST or not -1 <= hard <= MOST:
        raise OverflowError("Python int too large to convert to C rlim_t")
    if hard != RLIM_INFINITY and (soft == RLIM_INFINITY or soft > hard):
        raise ValueError("current limit exceeds maximum limit")
    if most != RLIM_INFINITY and (hard == RLIM_INFINITY or hard > most):
        raise ValueError("not allowed to raise maximum limit")
    _limits[operator.index(resource)] = (soft, hard)


def getrusage(who):
    """Of the interpreter only its time is known, since it was booted."""
    if who not in (RUSAGE_SELF, RUSAGE_CHILDREN):
        raise ValueError("invalid who parameter")
    return struct_rusage(ru_utime=time.process_time()) if who == RUSAGE_SELF else struct_rusage()


def getpagesize():
    return PAGE_BYTES
