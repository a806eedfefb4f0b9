"""What speaks HTTP? One Flask application: the webhooks, and what machines ask about our health."""

from __future__ import annotations

from flask import Flask

from smsgateway.clock import Clock
from smsgateway.store.database import Readers
from smsgateway.web.health import health
from smsgateway.web.webhooks import LARGEST_BODY, Take, webhooks


def create_web(secret: str, take: Take, readers: Readers, clock: Clock) -> Flask:
    """The application; `take` stores what the webhooks decode."""
    app = Flask("smsgateway", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.register_blueprint(webhooks(secret, take))
    app.register_blueprint(health(readers, clock))
    return app
