"""What may a log line say? That something happened, to which id: never a message's words, never a whole phone number.

One JSON object a line on stderr, so that a machine can search it; `SMSGATEWAY_LOG_LEVEL` sets how much.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from typing import TextIO

import structlog


def wanted_level() -> str:
    """The level the environment asks for."""
    return os.environ.get("SMSGATEWAY_LOG_LEVEL", "WARNING")


def configure(level: str = "INFO", file: TextIO | None = None) -> None:
    """Set up structlog once, at the start of a process. Lines go to stderr unless a file is given."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=file or sys.stderr),
        cache_logger_on_first_use=False,
    )


def whereabouts(error: BaseException) -> list[str]:
    """Where an error came from, without its message: a database quotes the values it refused, and those are what
    people texted."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
