"""The service behind a socket: the Flask application on a threaded server, as a provider would reach it."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from smsgateway.app import create_app
from smsgateway.reading.programme import Programme
from smsgateway.store.database import Store
from tests.support.field import Field

SECRET = "s3cret-of-the-tests"


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    content_type: str | None


@dataclass(frozen=True)
class Site:
    """One address; every call is a connection of its own."""

    host: str
    port: int

    def post(self, path: str, form: Mapping[str, str] | str | bytes, secret: str = SECRET) -> Answer:
        body = form if isinstance(form, str | bytes) else urlencode(form)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.request("POST", f"/at/{secret}/{path}", body, headers)

    def get(self, path: str) -> Answer:
        return self.request("GET", path)

    def request(
        self, method: str, path: str, body: str | bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(), answer.getheader("Content-Type"))
        finally:
            connection.close()


class Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        return None


@pytest.fixture
def field(store: Store, programme: Programme) -> Field:
    """The field of a test, with a webhook secret."""
    return Field(store, programme, webhook_secret=SECRET)


@pytest.fixture
def site(field: Field) -> Iterator[Site]:
    server: BaseWSGIServer = make_server(
        "127.0.0.1", 0, create_app(field.gateway), threaded=True, request_handler=Quiet
    )
    server.socket.listen(128)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Site("127.0.0.1", server.server_port)
    server.shutdown()
    thread.join()
    server.server_close()
