"""What does the provider get to hear? 200 and an empty body once what it told us is on disk, and nothing before.

`POST /at/<secret>/sms | /delivery | /ussd | /ussd-end | /opt-out`, form-encoded as Africa's Talking sends. 403 on a
wrong secret, 400 only when neither id nor sender can be read, 413 above 256 KB, 503 while the database takes nothing:
the provider then tries again every minute for twelve hours.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, Forbidden, ServiceUnavailable

from smsgateway.channels import africastalking
from smsgateway.channels.messages import Incoming, OptOut, Receipt, Turn, Unreadable
from smsgateway.store.write import StoreUnavailable

LARGEST_BODY = 256 * 1024  # bytes
FIELDS_AT_MOST = 100

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Takers:
    """Who takes what the webhooks decode. Each returns once it is stored and raises StoreUnavailable otherwise;
    `turn` returns the USSD screen with its CON or END."""

    sms: Callable[[Incoming], None]
    receipt: Callable[[Receipt], None]
    opt_out: Callable[[OptOut], None]
    turn: Callable[[Turn], str]


def webhooks(secret: str, takers: Takers) -> Blueprint:
    """The routes below `/at/<secret>`."""
    routes = Blueprint("africastalking", __name__)
    expected = secret.encode()

    def admitted(given: str) -> tuple[dict[str, str], bytes]:
        """The decoded form and its raw bytes, once the secret is right. Compared in constant time."""
        if not expected or not hmac.compare_digest(given.encode(), expected):
            raise Forbidden
        raw = request.get_data(cache=False)
        return decode_form(raw), raw

    @routes.post("/at/<given>/sms")
    def sms(given: str) -> Response:
        form, raw = admitted(given)
        return _taken(lambda: takers.sms(africastalking.read_sms(form, raw)))

    @routes.post("/at/<given>/delivery")
    def delivery(given: str) -> Response:
        form, raw = admitted(given)
        return _taken(lambda: takers.receipt(africastalking.read_receipt(form, raw)))

    @routes.post("/at/<given>/opt-out")
    def opt_out(given: str) -> Response:
        form, raw = admitted(given)
        return _taken(lambda: takers.opt_out(africastalking.read_opt_out(form, raw)))

    @routes.post("/at/<given>/ussd")
    def ussd(given: str) -> Response:
        form, raw = admitted(given)
        screens: list[str] = []
        _taken(lambda: screens.append(takers.turn(africastalking.read_turn(form, raw))))
        return Response(screens[0], content_type="text/plain; charset=utf-8")

    @routes.post("/at/<given>/ussd-end")
    def ussd_end(given: str) -> Response:
        admitted(given)  # nothing waits for the end of a session yet
        return Response(status=200)

    return routes


def _taken(take: Callable[[], None]) -> Response:
    try:
        take()
    except Unreadable as unreadable:
        log.warning("callback unreadable", missing=unreadable.missing)
        raise BadRequest(str(unreadable)) from unreadable
    except StoreUnavailable as error:
        log.error("database unavailable, provider will try again", cause=str(error))
        raise ServiceUnavailable from error
    return Response(status=200)


def decode_form(raw: bytes) -> dict[str, str]:
    """The fields of a form body, the first value of each; bytes that are no UTF-8 are replaced, never refused."""
    form: dict[str, str] = {}
    try:
        pairs = parse_qsl(
            raw.decode("utf-8", "replace"),
            keep_blank_values=True,
            errors="replace",
            max_num_fields=FIELDS_AT_MOST,
        )
    except ValueError:  # more fields than anybody sends
        return form
    for name, value in pairs:
        form.setdefault(name, value)
    return form
