"""What a machine asks: alive, ready, and in which state."""

from __future__ import annotations

import json
import re
from datetime import timedelta

from sqlalchemy import text

from smsgateway.store.tables import phones
from tests.support.field import CHW, GIRL, NURSE, Field
from tests.web.conftest import Answer, Site


def figures(answer: Answer) -> dict[str, float]:
    """The samples of a metrics page: `name{labels}` → value."""
    lines = [line for line in answer.body.decode().splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_alive(site: Site) -> None:
    assert site.get("/healthz").status == 200


def test_ready_on_a_database_at_the_codes_schema(site: Site) -> None:
    answer = site.get("/readyz")
    assert answer.status == 200
    assert json.loads(answer.body)["status"] == "ready"


def test_not_ready_on_an_older_schema(site: Site, field: Field) -> None:
    field.store.write(lambda tx: tx.execute(text("UPDATE alembic_version SET version_num = 'older'")))
    try:
        assert site.get("/readyz").status == 503
        assert site.get("/healthz").status == 200
    finally:
        wanted = json.loads(site.get("/readyz").body)["wanted"]
        field.store.write(lambda tx: tx.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": wanted}))


def test_a_database_that_cannot_be_reached_is_503_and_the_process_lives(site: Site, field: Field) -> None:
    with field.database_away():
        if field.store.dialect == "postgresql":  # of an SQLite file on a full disk one can still read
            assert site.get("/readyz").status == 503
            assert site.get("/metrics").status == 503
        assert site.get("/healthz").status == 200
    assert site.get("/readyz").status == 200


def test_a_nurses_dead_phone_is_a_line_and_never_a_reason_to_drop_webhooks(site: Site, field: Field) -> None:
    for phone in [row["phone"] for row in field.rows(phones) if row["phone"] != CHW]:
        field.opt_out(phone)
    field.text(CHW, f"MAL {GIRL} CONVULSION")
    answer = site.get("/readyz")
    assert answer.status == 200
    assert json.loads(answer.body)["faults"] == {"nobody_reachable": 1}


def test_metrics_tell_depth_and_oldest_age_of_each_class_from_the_database(site: Site, field: Field) -> None:
    field.take(CHW, f"MAL {GIRL} CONVULSION")
    field.clock.advance(timedelta(seconds=90))
    seen = figures(site.get("/metrics"))
    assert seen['smsgateway_outbox_depth{class="urgent"}'] == 1
    assert seen['smsgateway_outbox_depth{class="reply"}'] == 1
    assert seen['smsgateway_outbox_depth{class="reminder"}'] == 0
    assert seen['smsgateway_outbox_oldest_seconds{class="urgent"}'] == 90
    assert seen['smsgateway_outbox_oldest_seconds{class="notice"}'] == 0
    assert seen['smsgateway_referrals_open{state="opened",tier="1"}'] == 1


def test_metrics_show_faults_and_messages_not_handled(site: Site, field: Field) -> None:
    with field.refusing("reports"):
        field.take(CHW, f"MAL {GIRL} FIEVRE 2")
        seen = figures(site.get("/metrics"))
        assert seen["smsgateway_inbound_failed"] == 1
        field.pass_time(minutes=30)
    seen = figures(site.get("/metrics"))
    assert seen['smsgateway_faults_open{kind="message_not_handled"}'] == 1


def test_metrics_name_nobody(site: Site, field: Field) -> None:
    field.take(CHW, f"MAL {GIRL} CONVULSION")
    page = site.get("/metrics").body.decode()
    for private in (CHW, NURSE, CHW.removeprefix("+223"), GIRL, "CONVULSION", "Germaine"):
        assert not re.search(rf"(?<!\d){re.escape(private)}", page)


def test_there_is_nothing_else(site: Site) -> None:
    for path in ("/", "/at", "/at//sms", "/admin", "/../etc/passwd"):
        assert site.get(path).status in (404, 405), path
