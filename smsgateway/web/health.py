"""Is the service alive, is it ready, and how is it doing? `/healthz`, `/readyz`, `/metrics`.

`/readyz` is 503 only when the database cannot be reached or is older than the code: a nurse's dead phone is a metric
and a line in the body, never a reason for a balancer to drop webhooks.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from sqlalchemy.exc import SQLAlchemyError

from smsgateway.clock import Clock
from smsgateway.store.database import Readers
from smsgateway.store.schema import current, head
from smsgateway.web.metrics import GatewayCollector, open_faults

Answer = tuple[dict[str, Any], int]


def health(readers: Readers, clock: Clock) -> Blueprint:
    """The three routes a machine asks."""
    routes = Blueprint("health", __name__)
    registry = CollectorRegistry()
    registry.register(GatewayCollector(readers, clock))
    wanted = head()

    @routes.get("/healthz")
    def healthz() -> Answer:
        return {"status": "ok"}, 200

    @routes.get("/readyz")
    def readyz() -> Answer:
        try:
            with readers.read() as connection:
                found = current(connection)
                faults = open_faults(connection) if found == wanted else {}
        except SQLAlchemyError as error:
            return {"status": "database unreachable", "cause": type(error).__name__}, 503
        if found != wanted:
            return {"status": "database is not at the code's schema", "found": found, "wanted": wanted}, 503
        return {"status": "ready", "faults": faults}, 200

    @routes.get("/metrics")
    def metrics() -> Response:
        try:
            return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
        except SQLAlchemyError as error:
            return Response(f"database unreachable: {type(error).__name__}\n", 503, content_type="text/plain")

    return routes
