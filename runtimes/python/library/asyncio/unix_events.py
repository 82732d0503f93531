"""The event loop of asyncio, in place of the standard library's: there are no sockets, no signals and no threads to wait for, but time passes.

What a thread would do is done at once, while everything else waits.
"""
import errno
import time

from . import base_events, events

__all__ = ("SelectorEventLoop", "DefaultEventLoopPolicy")


class Nothing:
    """What a loop waits with: for time alone."""

    def select(self, timeout):
        if timeout is None:
            # Nobody else could ever wake it.
            raise RuntimeError("the event loop waits for what cannot come: nothing is ready, no time is waited for, and there are no sockets and no threads")
        if timeout > 0:
            time.sleep(timeout)
        return ()

    def close(self):
        pass


def no_sockets(self, *args, **options):
    raise OSError(errno.ENOTSUP, "asyncio has no connections, processes and pipes here")


async def no_connections(self, *args, **options):
    no_sockets(self)


class SelectorEventLoop(base_events.BaseEventLoop):
    def __init__(self, selector=None):
        super().__init__()
        self._selector = Nothing()

    def _process_events(self, found):
        pass

    def _write_to_self(self):
        pass

    def close(self):
        if not self.is_closed():
            super().close()

    def run_in_executor(self, executor, func, *args):
        self._check_closed()
        future = self.create_future()
        running = events._get_running_loop()
        events._set_running_loop(None)
        try:
            result = func(*args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)
        finally:
            events._set_running_loop(running)
        return future

    add_reader = add_writer = remove_reader = remove_writer = no_sockets
    create_connection = create_server = create_datagram_endpoint = create_unix_connection = create_unix_server = no_connections
    connect_accepted_socket = connect_read_pipe = connect_write_pipe = subprocess_exec = subprocess_shell = start_tls = no_connections
    sock_accept = sock_connect = sock_recv = sock_recv_into = sock_recvfrom = sock_sendall = sock_sendto = no_connections
    getaddrinfo = getnameinfo = no_connections


class DefaultEventLoopPolicy(events.BaseDefaultEventLoopPolicy):
    _loop_factory = SelectorEventLoop
