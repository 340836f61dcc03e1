"""How gunicorn serves the portal; read by `gfo serve` and `./run`.

Gunicorn's master imports this before it makes its workers, so what is wrong here is
one sentence instead of a worker that fails again and again.
"""

from __future__ import annotations

import ctypes
import gc
import os
import shutil
import signal
from pathlib import Path

from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from gunicorn.config import Config  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]
from gunicorn.workers.base import Worker  # type: ignore[import-untyped]

from db.local_child import die_with_parent
from orchestrator.operations.production import require_fit
from orchestrator.operations.secret_key import secret_key
from orchestrator.processes.connect import configure_logs
from orchestrator.processes.process_tree import follow_parent
from orchestrator.settings import load_settings
from webapp.prometheus import FOLDER_VARIABLE, metrics_folder
from webapp.unreadable import answer_unreadable

follow_parent()
_settings = load_settings()
configure_logs(_settings)
require_fit(_settings, os.environ)
secret_key(_settings)


def _make_metrics_folder(folder: Path) -> None:
    """Workers share their counters through files here; they begin at zero."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    os.environ[FOLDER_VARIABLE] = str(folder.resolve())


_make_metrics_folder(metrics_folder(_settings.data_dir, _settings.port))


class StructuredLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn's own messages, in the format of all other log lines."""

    def setup(self, cfg: Config) -> None:
        """Pass the records on instead of printing them."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


def pre_fork(_server: Arbiter, _worker: Worker) -> None:
    """What the master made stays shared: no collection writes to it any more."""
    gc.collect()
    gc.freeze()


def on_exit(_server: Arbiter) -> None:
    """Leave nothing in memory."""
    shutil.rmtree(os.environ[FOLDER_VARIABLE], ignore_errors=True)


def post_fork(_server: Arbiter, worker: Worker) -> None:
    """A worker must not outlive its master: it would keep the port."""
    answer_unreadable()
    _bound_heaps()
    die_with_parent(worker.ppid, signal.SIGKILL)


def _bound_heaps() -> None:
    """Two heaps for all threads: glibc gives each its own, and none shrinks again."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 2)


_M_ARENA_MAX = -8
"""As malloc.h of glibc names it."""

# Made once, before the workers are forked, which then share its memory. It opens no
# connection before the first request, so none is shared.
preload_app = True
# Threads share a process' pool; each holds a connection only while it works. More
# threads than connections: while a database that hangs holds all of those, the others
# give up after the pool's 2.5 s, and health and login pages find a thread.
worker_class = "webapp.whole_requests.WholeRequestWorker"
threads = 12
# A request has at most 10 s in the database; one that takes longer is stuck.
timeout = 60
# Browsers open connections in advance and say nothing on them; a stop does not wait
# for those. A request that it cuts off is not committed, and its repetition is safe.
graceful_timeout = 2
keepalive = 5
# Gunicorn itself believes nobody's X-Forwarded-Proto or SCRIPT_NAME, not even this
# machine's; GFO_TRUSTED_PROXY_COUNT says how many proxies there are (webapp.proxies).
forwarded_allow_ips = ""
forwarder_headers = ""
# Large enough for links with a whole view in them, small enough to refuse abuse.
limit_request_line = 8190
logger_class = StructuredLogger
loglevel = "warning"
proc_name = "gfo-web"
# Unused, and it would make a file in the home folder.
control_socket_disable = True
