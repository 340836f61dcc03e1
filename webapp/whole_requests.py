"""Gunicorn's threaded worker, in which a connection that says nothing costs no thread.

Gunicorn gives each new connection a thread, which waits for its first bytes and then,
as long as it takes, for the rest of the header. Here the event loop reads, and a thread
gets a request once its header and a small body have arrived whole.
"""

from __future__ import annotations

import re
import socket
import struct
import time
from collections import deque
from functools import partial
from selectors import EVENT_READ

from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

PATIENCE_S = 10
"""For the next request to arrive whole, and for each read or write of a thread."""

_MOST_HELD_BYTES = 2**16
"""Of a request that is not whole. More than the largest header that gunicorn reads."""

_SO_TIMEOUT = struct.pack("@ll", PATIENCE_S, 0)
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,9})[ \t]*\r\n", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nexpect:", re.IGNORECASE)


def is_whole(held: bytes) -> bool:
    """Whether a thread can take a request that begins so without waiting for long.

    It only says when to look: gunicorn's parser alone says what the bytes mean, and
    refuses what is no request or too long.

    >>> is_whole(b"GET / HTTP/1.1\\r\\nHost: a\\r\\n")
    False
    >>> is_whole(b"POST / HTTP/1.1\\r\\nContent-Length: 3\\r\\n\\r\\nab")
    False
    >>> is_whole(b"POST / HTTP/1.1\\r\\nContent-Length: 3\\r\\n\\r\\nabc")
    True
    """
    if not held:
        return False
    if len(held) >= _MOST_HELD_BYTES or not held[:1].isalpha():
        return True
    head, end, body = held.partition(b"\r\n\r\n")
    if not end:
        return False
    length = _LENGTH.search(head + b"\r\n")
    # A body that does not fit is read by the use case that expects it, piece by piece;
    # one that was announced is sent only when the thread asks for it.
    if length is None or _EXPECTS.search(head):
        return True
    wanted = int(length[1])
    return len(body) >= wanted or len(head) + wanted >= _MOST_HELD_BYTES


class WholeRequestWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Reads in its event loop until a request is whole."""

    pending_conns: deque[TConn]

    def enqueue_req(self, conn: TConn) -> None:
        """Give a thread to what is whole, and leave the rest with the poller.

        Called by gunicorn for a new connection, and whenever one has something to read.
        """
        if not conn.initialized:
            conn.init()
            # A body that stalls, or an answer that nobody takes, frees its thread.
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                conn.sock.setsockopt(socket.SOL_SOCKET, option, _SO_TIMEOUT)
        has_ended = _receive(conn)
        if has_ended or is_whole(conn.parser.unreader.buf.getvalue()):
            conn.whole_by = None
            super().enqueue_req(conn)
            return
        conn.whole_by = getattr(conn, "whole_by", None) or time.monotonic() + PATIENCE_S
        conn.timeout = conn.whole_by
        self.pending_conns.append(conn)
        read = partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, EVENT_READ, read)

    def murder_pending(self) -> None:
        """Close what was not whole in time; gunicorn expects the oldest first."""
        oldest_first = sorted(self.pending_conns, key=lambda conn: conn.timeout)
        self.pending_conns = deque(oldest_first)
        super().murder_pending()


def _receive(conn: TConn) -> bool:
    """Add what has arrived to what is held; whether nothing more will come."""
    conn.sock.setblocking(False)
    try:
        received = conn.sock.recv(_MOST_HELD_BYTES)
    except BlockingIOError:
        return False
    except OSError:
        return True
    unreader = conn.parser.unreader
    unreader.unread(unreader.take_buffered() + received)
    return not received
