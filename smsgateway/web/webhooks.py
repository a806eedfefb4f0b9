"""What does the provider get to hear? 200 and an empty body once what it told us is on disk, and nothing before.

`POST /at/<secret>/sms | /delivery | /ussd | /ussd-end | /opt-out`, form-encoded as Africa's Talking sends. 403 on a
wrong secret, 400 only when neither id nor sender can be read, 413 above 256 KB, 503 while the database takes nothing:
the provider then tries again every minute for twelve hours.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from urllib.parse import parse_qsl

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, Forbidden, ServiceUnavailable

from smsgateway.channels import africastalking
from smsgateway.channels.messages import Said, Unreadable
from smsgateway.store.write import StoreUnavailable

LARGEST_BODY = 256 * 1024  # bytes
FIELDS_AT_MOST = 100
Take = Callable[[Said], str | None]

log = structlog.get_logger(__name__)


def webhooks(secret: str, take: Take) -> Blueprint:
    """The routes below `/at/<secret>`. `take` is given what was decoded; it returns once that is stored, for a turn
    with the screen to show, and raises StoreUnavailable otherwise."""
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
        return _taken(lambda: take(africastalking.read_sms(form, raw)))

    @routes.post("/at/<given>/delivery")
    def delivery(given: str) -> Response:
        form, raw = admitted(given)
        return _taken(lambda: take(africastalking.read_receipt(form, raw)))

    @routes.post("/at/<given>/opt-out")
    def opt_out(given: str) -> Response:
        form, raw = admitted(given)
        return _taken(lambda: take(africastalking.read_opt_out(form, raw)))

    @routes.post("/at/<given>/ussd")
    def ussd(given: str) -> Response:
        form, raw = admitted(given)
        return _taken(lambda: take(africastalking.read_turn(form, raw)))

    @routes.post("/at/<given>/ussd-end")
    def ussd_end(given: str) -> Response:
        admitted(given)  # nothing waits for the end of a session yet
        return Response(status=200)

    return routes


def _taken(take: Callable[[], str | None]) -> Response:
    try:
        screen = take()
    except Unreadable as unreadable:
        log.warning("callback unreadable", missing=unreadable.missing)
        raise BadRequest(str(unreadable)) from unreadable
    except StoreUnavailable as error:
        log.error("database unavailable, provider will try again", cause=str(error))
        raise ServiceUnavailable from error
    return Response() if screen is None else Response(screen, content_type="text/plain; charset=utf-8")


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
