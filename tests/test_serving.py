"""The service as it is started for real: one command that serves, sends and keeps the clock until it is stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

import pytest

from smsgateway.channels.standin import Sending, StandIn
from smsgateway.settings import shipped
from smsgateway.store.database import open_store
from smsgateway.store.tables import inbound, message_log, outbox, referrals
from smsgateway.transfer import import_people
from tests.support.field import CHW, GIRL, NURSE, START

SECRET = "secret-of-the-served"
PATIENCE = 60.0  # seconds, on a busy machine


class Phones:
    """What the phones got, and a way to wait for it."""

    def __init__(self) -> None:
        self._arrived = threading.Condition()
        self.texts: list[tuple[str, str]] = []

    def received(self, sending: Sending) -> None:
        with self._arrived:
            self.texts += [(phone, sending.message) for phone in sending.to]
            self._arrived.notify_all()

    def wait_for(self, count: int) -> list[tuple[str, str]]:
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.texts) >= count, PATIENCE), self.texts
            return list(self.texts)


@contextmanager
def served(url: str, provider: StandIn, *options: str) -> Iterator[subprocess.Popen[str]]:
    """`smsgateway serve` on a database, until the test is over."""
    port = free_port()
    provider.webhook = f"http://127.0.0.1:{port}/at/{SECRET}"
    process = start("serve", "--port", str(port), *options, url=url, provider=provider)
    try:
        wait_until_ready(port, process)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)


def start(*arguments: str, url: str, provider: StandIn) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SMSGATEWAY_")} | {
        "SMSGATEWAY_DATABASE_URL": url,
        "SMSGATEWAY_WEBHOOK_SECRET": SECRET,
        "SMSGATEWAY_CHANNEL": "africastalking",
        "SMSGATEWAY_AT_BASE_URL": provider.url,
        "SMSGATEWAY_AT_USERNAME": provider.username,
        "SMSGATEWAY_AT_API_KEY": provider.api_key,
    }
    command = [sys.executable, "-m", "smsgateway", *arguments]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(port: int, process: subprocess.Popen[str]) -> None:
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.05)):
        assert process.poll() is None, process.communicate()[1]
        try:
            with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return
        except (URLError, OSError):
            pause.wait(0.05)
    raise AssertionError("never ready")


@pytest.fixture
def peopled(database_url: str) -> str:
    """A database with the demo programme's people."""
    store = open_store(database_url)
    import_people(store, shipped("flows") / "demo", START.date())
    store.close()
    return database_url


@pytest.fixture
def phones() -> Phones:
    return Phones()


@pytest.fixture
def provider(phones: Phones) -> Iterator[StandIn]:
    with StandIn(deliver=True, listener=phones.received) as stand_in:
        yield stand_in


def test_one_command_takes_the_report_alerts_the_nurse_and_stops_cleanly(
    peopled: str, provider: StandIn, phones: Phones
) -> None:
    with served(peopled, provider) as process:
        provider.text(CHW, f"MAL {GIRL} CONVULSION")
        texts = phones.wait_for(2)
        assert [phone for phone, _ in texts] == [NURSE, CHW]
        assert texts[0][1].startswith("URGENT ")
        provider.text(NURSE, "RECU")
        texts = phones.wait_for(4)
        assert any("le centre a recu l'alerte" in body for phone, body in texts if phone == CHW)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    store = open_store(peopled)
    with store.read() as connection:
        assert {row.state for row in connection.execute(inbound.select())} == {"handled"}
        assert len(connection.execute(message_log.select()).all()) == 4
        assert connection.execute(outbox.select()).all() == []
    store.close()


def test_what_was_answered_200_survives_being_killed(peopled: str, provider: StandIn, phones: Phones) -> None:
    provider.delay_when(lambda _sending: True, 30)  # nothing is handed over before the process dies
    with served(peopled, provider) as process:
        provider.text(CHW, f"MAL {GIRL} CONVULSION")
        phones.wait_for(1)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
    store = open_store(peopled)
    with store.read() as connection:
        assert [row.text for row in connection.execute(inbound.select())] == [f"MAL {GIRL} CONVULSION"]
        assert len(connection.execute(referrals.select()).all()) == 1
    store.close()


def test_when_only_the_engine_is_killed_nobody_is_left_holding_the_port(peopled: str, provider: StandIn) -> None:
    with served(peopled, provider) as process:
        process.kill()
        process.wait(PATIENCE)
        wait_until_refused(urlsplit(provider.webhook or "").port or 0)


def wait_until_refused(port: int) -> None:
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.05)):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            return
        pause.wait(0.05)
    raise AssertionError("somebody still listens")


def test_a_hang_up_signal_changes_nothing(peopled: str, provider: StandIn, phones: Phones) -> None:
    with served(peopled, provider) as process:
        process.send_signal(signal.SIGHUP)
        provider.text(CHW, f"MAL {GIRL} CONVULSION")
        assert [phone for phone, _ in phones.wait_for(2)] == [NURSE, CHW]
        assert len(web_children(process)) == 1


@pytest.mark.parametrize("to_all", [False, True])
def test_what_is_in_flight_when_it_is_stopped_is_filed_and_answered(
    peopled: str, provider: StandIn, to_all: bool
) -> None:
    """Whoever stops it tells the process they started, or all of them at once."""
    form = {"id": "in-flight", "from": CHW, "to": "36000", "text": f"MAL {GIRL} FIEVRE 1", "linkId": ""}
    body = urlencode(form).encode()
    head = "HTTP/1.1\r\nHost: here\r\nContent-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n"
    with served(peopled, provider) as process:
        port = urlsplit(provider.webhook or "").port or 0
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            connection.sendall(f"POST /at/{SECRET}/sms {head}Content-Length: {len(body)}\r\n\r\n".encode())
            assert connection.recv(1024).startswith(b"HTTP/1.1 100")  # it has begun to read
            (os.killpg if to_all else os.kill)(process.pid, signal.SIGTERM)
            wait_until_refused(port)
            connection.sendall(body)
            assert connection.recv(1024).startswith(b"HTTP/1.1 200")
        assert process.wait(PATIENCE) == 0
    store = open_store(peopled)
    with store.read() as reading:
        assert [row.state for row in reading.execute(inbound.select())] == ["handled"]
    store.close()


def test_without_its_child_it_ends_and_says_so(peopled: str, provider: StandIn) -> None:
    """Whoever watches over the service starts it again: an engine that nobody can reach would go unseen."""
    with served(peopled, provider) as process:
        (child,) = web_children(process)
        os.kill(child, signal.SIGKILL)
        assert process.wait(PATIENCE) != 0


def web_children(process: subprocess.Popen[str]) -> list[int]:
    """The processes that speak HTTP."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(child) for child in children if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text()]


def test_without_a_clock_it_takes_messages_and_a_worker_sends_them(
    peopled: str, provider: StandIn, phones: Phones
) -> None:
    if peopled.startswith("sqlite"):
        pytest.skip("one service a file on SQLite")
    with served(peopled, provider, "--no-clock"):
        provider.text(CHW, f"MAL {GIRL} CONVULSION")
        worker = start("worker", url=peopled, provider=provider)
        assert {phone for phone, _ in phones.wait_for(2)} == {NURSE, CHW}
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=PATIENCE)
        assert worker.returncode == 0


def test_a_database_file_is_served_once(peopled: str, provider: StandIn) -> None:
    if not peopled.startswith("sqlite"):
        pytest.skip("PostgreSQL carries many processes")
    with served(peopled, provider):
        second = start("serve", "--port", str(free_port()), url=peopled, provider=provider)
        _, said = second.communicate(timeout=PATIENCE)
        assert second.returncode != 0
        assert "already served" in said
        assert "Traceback" not in said


def test_a_port_that_is_taken_is_told_in_a_line(tmp_path: Path, provider: StandIn) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = start("serve", "--port", port, url=f"sqlite:///{tmp_path / 'fresh.db'}", provider=provider)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    assert f"cannot listen on 127.0.0.1:{port}" in said
    assert "Traceback" not in said


def test_a_fresh_file_is_made_and_ctrl_c_stops_it_too(tmp_path: Path, provider: StandIn) -> None:
    with served(f"sqlite:///{tmp_path / 'new' / 'fresh.db'}", provider) as process:
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0


def test_a_shared_database_that_is_older_than_the_code_is_refused(postgres_url: str, provider: StandIn) -> None:
    process = start("serve", "--port", str(free_port()), url=postgres_url, provider=provider)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    assert "smsgateway db upgrade" in said
    assert "Traceback" not in said


def test_the_demo_plays_its_conversation_on_phone_screens() -> None:
    command = [sys.executable, "-m", "smsgateway", "demo", "--once", "--port", str(free_port())]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=2 * PATIENCE, check=True).stdout
    assert f"MAL {GIRL} CONVULSION" in shown
    assert "URGENT " in shown
    assert "RECU" in shown
