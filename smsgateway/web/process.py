"""What runs in the process that speaks HTTP? The web application, and the lines to the engine: no report is filed
here, so that a slow client or a busy interpreter never holds one up."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from flask import Flask

from smsgateway import logs
from smsgateway.clock import SystemClock
from smsgateway.collector import spare_the_collector
from smsgateway.line import Caller
from smsgateway.settings import Settings
from smsgateway.store.database import open_readers
from smsgateway.web.application import create_web


def application(settings: Settings, lines: Sequence[Connection], together: int, *_target: Any) -> Flask:
    """The application, made in its process."""
    logs.configure(logs.wanted_level())
    threading.Thread(target=_stop_when_orphaned, name="parent-watch", daemon=True).start()
    take = Caller(lines, together)
    secret = settings.webhook_secret.get_secret_value()
    made = create_web(secret, take, open_readers(settings.database_url), SystemClock())
    spare_the_collector()
    return made


def _stop_when_orphaned() -> None:
    """Whoever kills the engine with -9 must not leave this process behind, holding the port."""
    engine = multiprocessing.parent_process()
    if engine is not None:
        engine.join()
        os.kill(os.getpid(), signal.SIGTERM)
