"""How long can one request to the provider hold a sending lane? Never longer than its deadline, and afterwards we know
whether the request may have been taken.

`requests` and the SDK apply their timeout to each read: a server that sends one byte every few seconds holds the caller
for ever. Here the socket of an answer is given, before every single read, only what is left of the whole call, headers
included, so that no thread has to watch another. What remains unbounded is the resolver: `getaddrinfo` cannot be
interrupted, and a host with several addresses may cost one connect timeout each; a request that comes out of
that too late is not waited for.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
import requests.adapters
import urllib3
import urllib3.connection
import urllib3.connectionpool
import urllib3.exceptions

LONGEST_READ = 15.0  # seconds; the outbox sizes its leases by it
LARGEST_ANSWER = 1_000_000  # bytes; the answer to a batch of 100 has about 20,000
STALE_AFTER = 30.0  # seconds; mobile and cloud NATs forget idle connections silently, and then a request just vanishes


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `connect` is for each address of the host, `read` for the whole answer, `call` for both together."""

    connect: float = 3.05
    read: float = 10.0
    call: float = 12.0

    def __post_init__(self) -> None:
        if not 0 < self.read <= LONGEST_READ:
            raise ValueError(f"the read timeout must lie between 0 and {LONGEST_READ:g} s, not {self.read:g}")
        if not 0 < self.connect <= self.call:
            raise ValueError(f"the connect timeout must lie between 0 and {self.call:g} s, not {self.connect:g}")


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back. `body` is what could be read of it in time, LARGEST_ANSWER at most: cut JSON cannot be read and
    so says nothing, but the status is true all the same."""

    status: int
    body: bytes = b""
    retry_after: str | None = None


class NotSentError(Exception):
    """The request never left this machine: no address, no route, refused, no TLS. Safe to send again."""


class UnknownFateError(Exception):
    """The request may have been taken: it was on its way when the connection broke or the time was up."""


class PooledSession:
    """Keep-alive connections of one lane, used by one thread at a time."""

    def __init__(self, timeouts: Timeouts, pool_size: int = 2, stale_after: float = STALE_AFTER) -> None:
        self._timeout = urllib3.Timeout(connect=timeouts.connect, read=timeouts.read, total=timeouts.call)
        self._stale_after = stale_after
        self._last_used = time.monotonic()
        self._session = requests.Session()
        # Credentials from a ~/.netrc must never replace ours, and reading the environment costs a tenth of a request.
        self._session.trust_env = False
        adapter = _DeadlineAdapter(pool_connections=pool_size, pool_maxsize=pool_size, max_retries=0)
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, adapter)

    def use_environment(self, url: str) -> None:
        """Honour HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE and the like for `url`, read once, here."""
        settings = requests.Session().merge_environment_settings(url, {}, None, None, None)
        self._session.proxies.update(settings["proxies"])
        self._session.verify = settings["verify"]

    def exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        data: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> HttpAnswer:
        """One request, one answer; raises NotSentError or UnknownFateError. Redirects are not followed: a 302 would
        turn the POST into a GET and carry the key to another host."""
        self._drop_stale_connections()
        try:
            with self._session.request(
                method,
                url,
                headers={**headers, "Accept-Encoding": "identity"},
                data=data,
                params=params,
                timeout=self._timeout,  # type: ignore[arg-type]  # requests takes urllib3's, its stubs do not know
                allow_redirects=False,
                stream=True,
            ) as response:
                return HttpAnswer(response.status_code, _read_body(response), response.headers.get("Retry-After"))
        except requests.RequestException as error:
            if _never_left(error):
                raise NotSentError(_cause(error)) from error
            raise UnknownFateError(_cause(error)) from error
        finally:
            self._last_used = time.monotonic()

    def close(self) -> None:
        self._session.close()

    def _drop_stale_connections(self) -> None:
        if time.monotonic() - self._last_used > self._stale_after:
            self._session.close()  # the pools are emptied and open again on the next request


def _read_body(response: requests.Response) -> bytes:
    body = bytearray()
    try:
        for chunk in response.iter_content(16_384):
            body += chunk
            if len(body) > LARGEST_ANSWER:
                break
    except (requests.RequestException, urllib3.exceptions.HTTPError):
        pass  # the caller sees from the body itself whether anything is missing
    return bytes(body[:LARGEST_ANSWER])


def _never_left(error: requests.RequestException) -> bool:
    """Only what happened before the first byte of the request counts: see `_Connecting`."""
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, urllib3.exceptions.NewConnectionError)


def _cause(error: requests.RequestException) -> str:
    """A short cause fit for a log: the innermost error's kind, never a URL or a body."""
    inner: BaseException = error
    while (deeper := inner.__cause__ or inner.__context__) is not None:
        inner = deeper
    return type(inner).__name__


class _DeadlineAdapter(requests.adapters.HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager


class _AnswerInTime(http.client.HTTPResponse):
    """An answer whose every read gets only what is left of the time the socket had when the answer was asked for."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        allowed = sock.gettimeout()
        if allowed is not None and isinstance(self.fp, io.BufferedReader):
            self.fp = io.BufferedReader(_ReadInTime(self.fp.detach(), sock, time.monotonic() + allowed))


class _ReadInTime(io.RawIOBase):
    def __init__(self, raw: io.RawIOBase, sock: socket.socket, ends_at: float) -> None:
        self._raw = raw
        self._sock = sock
        self._ends_at = ends_at

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def readinto(self, buffer: Any) -> int | None:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the whole answer took too long")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Connecting(urllib3.connection.HTTPConnection):
    """Whatever fails while connecting, TLS handshake included, is one kind of error: nothing was sent yet. As shipped,
    a refused certificate and a connection that breaks in mid-answer are both an SSLError."""

    response_class = _AnswerInTime

    def connect(self) -> None:
        try:
            super().connect()
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError):
            raise
        except (OSError, urllib3.exceptions.HTTPError) as error:
            raise urllib3.exceptions.NewConnectionError(self, type(error).__name__) from error


class _ConnectingTLS(_Connecting, urllib3.connection.HTTPSConnection):
    pass


class _Pool(urllib3.connectionpool.HTTPConnectionPool):
    ConnectionCls = _Connecting


class _PoolTLS(urllib3.connectionpool.HTTPSConnectionPool):
    ConnectionCls = _ConnectingTLS


_POOLS: Mapping[str, type[urllib3.connectionpool.HTTPConnectionPool]] = {"http": _Pool, "https": _PoolTLS}
