"""What does it look like on the phones? Plays a first conversation against the real service and shows every screen,
then leaves the service running for more.

Nothing is pretended but the network: the stand-in provider posts the webhooks and takes the messages over HTTP, with
the official SDK on our side, as Africa's Talking does.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import click

from smsgateway.channels.standin import Sending, StandIn
from smsgateway.settings import Settings
from smsgateway.store.database import open_store
from smsgateway.store.schema import upgrade
from smsgateway.text.codes import code_for
from smsgateway.transfer import import_people

CHW, NURSE = "+22376000001", "+22376000101"
NAMES = {CHW: "CHW ASC07", NURSE: "nurse of Sogola", "+22376000201": "supervisor", "+22376000301": "site lead"}
WIDTH = 46
PATIENCE_S = 30.0


class DemoFailed(Exception):
    """The conversation did not go as it should."""


def run_demo(*, port: int, once: bool) -> None:
    """Play the conversation; then, unless `once`, serve until Ctrl-C."""
    screens = _Screens()
    with (
        tempfile.TemporaryDirectory(prefix="smsgateway-demo-") as folder,
        StandIn(deliver=True, listener=screens.received) as provider,
        _service(Path(folder), provider, port) as secret,
    ):
        provider.webhook = f"http://127.0.0.1:{port}/at/{secret}"
        _conversation(provider, screens)
        if once:
            return
        _invite(port, secret)
        _until_interrupted()
    click.echo("\nstopped")


def _conversation(provider: StandIn, screens: _Screens) -> None:
    """A danger sign, the nurse's message, her receipt, and what the CHW learns."""
    click.echo("A girl of 14 months has convulsions. Her community health worker texts, from a basic phone:\n")
    said = f"MAL {code_for('07', 417)} CONVULSION"
    screens.wrote(CHW, said)
    provider.text(CHW, said)
    alert = screens.wait_for(NURSE, "URGENT")
    screens.wait_for(CHW, "CONVULSION")
    referral = re.search(r"URGENT\??\s+([A-Z]\d{1,3})", alert)
    if referral is None:
        raise DemoFailed(f"no referral code in: {alert}")
    click.echo("The nurse answers:\n")
    screens.wrote(NURSE, f"RECU {referral[1]}")
    provider.text(NURSE, f"RECU {referral[1]}")
    screens.wait_for(CHW, referral[1], after=1)
    screens.wait_for(NURSE, referral[1], after=1)


def _invite(port: int, secret: str) -> None:
    example = f"MAL {code_for('07', 417)} FIEVRE 2 TDR+ CTA PB 120"
    click.echo("The service goes on running. Send the next SMS from another terminal, for example:\n")
    click.echo(
        f"  curl http://127.0.0.1:{port}/at/{secret}/sms --data-urlencode 'from={CHW}' -d to=36000 \\\n"
        f"       --data-urlencode 'text={example}' -d id=demo-$RANDOM -d linkId= \\\n"
        f"       -d date={datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n"
    )
    click.echo(f"Its health: http://127.0.0.1:{port}/readyz and /metrics. Ctrl-C stops it.\n")


# ---------------------------------------------------------------- phones in a terminal


class _Screens:
    """What each phone shows, printed as it happens."""

    def __init__(self) -> None:
        self._arrived = threading.Condition()
        self._texts: list[tuple[str, str]] = []

    def received(self, sending: Sending) -> None:
        with self._arrived:
            for phone in sending.to:
                self._texts.append((phone, sending.message))
                click.echo(_screen(phone, sending.message, incoming=True))
            self._arrived.notify_all()

    def wrote(self, phone: str, text: str) -> None:
        click.echo(_screen(phone, text, incoming=False))

    def wait_for(self, phone: str, containing: str, *, after: int = 0) -> str:
        """The text to `phone` that contains this, skipping the first `after` that do; waits for it."""

        def found() -> list[str]:
            return [text for to, text in self._texts if to == phone and containing in text]

        with self._arrived:
            if not self._arrived.wait_for(lambda: len(found()) > after, PATIENCE_S):
                raise DemoFailed(f"no SMS with {containing!r} reached {NAMES.get(phone, phone)}")
            return found()[after]


def _screen(phone: str, text: str, *, incoming: bool) -> str:
    """One phone screen: received messages on the left, written ones on the right."""
    title = f" {NAMES.get(phone, 'phone')} {phone} "
    lines = textwrap.wrap(text, WIDTH - 4) or [""]
    top = "┌" + ("─ receives" if incoming else "─ writes") + title.rjust(0)
    frame = [top + "─" * max(0, WIDTH - len(top) - 1) + "┐"]
    frame += [f"│ {line.ljust(WIDTH - 4)} │" for line in lines]
    frame += ["└" + "─" * (WIDTH - 2) + "┘", ""]
    return textwrap.indent("\n".join(frame), "" if incoming else " " * 12)


# ---------------------------------------------------------------- the service beside it


@contextmanager
def _service(folder: Path, provider: StandIn, port: int) -> Iterator[str]:
    """A real `smsgateway serve` on a database of its own; gives the webhook secret."""
    _require_free(port)
    url, secret = f"sqlite:///{folder / 'demo.db'}", secrets.token_urlsafe(12)
    store = open_store(url)
    upgrade(store.engine)
    import_people(store, Settings().flows / "demo", datetime.now(UTC).date())
    store.close()
    environment = {
        **os.environ,
        "SMSGATEWAY_DATABASE_URL": url,
        "SMSGATEWAY_WEBHOOK_SECRET": secret,
        "SMSGATEWAY_CHANNEL": "africastalking",
        "SMSGATEWAY_AT_BASE_URL": provider.url,
        "SMSGATEWAY_AT_USERNAME": provider.username,
        "SMSGATEWAY_AT_API_KEY": provider.api_key,
        "SMSGATEWAY_LOG_LEVEL": os.environ.get("SMSGATEWAY_LOG_LEVEL", "ERROR"),
    }
    # A session of its own: Ctrl-C reaches this process, which stops the service in order.
    command = [sys.executable, "-m", "smsgateway", "serve", "--port", str(port)]
    server = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        _wait_until_ready(port, server)
        yield secret
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=60)


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise DemoFailed(f"port {port} is in use: choose another with --port") from error


def _wait_until_ready(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise DemoFailed("the service did not start")
        try:
            with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise DemoFailed(f"the service was not ready within {PATIENCE_S:.0f} s")


def _until_interrupted() -> None:
    stop = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        stop.wait()
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
