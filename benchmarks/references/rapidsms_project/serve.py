"""Make the database with its registered senders, or give the WSGI application.

python -m benchmarks.references.rapidsms_project.serve CHWS     (makes and fills the database)
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from benchmarks.programme import CHW_PHONES, phone

SETTINGS = "benchmarks.references.rapidsms_project.settings"


def application() -> Callable[..., Any]:
    """The WSGI application, for `benchmarks.serving`."""
    os.environ["DJANGO_SETTINGS_MODULE"] = SETTINGS
    from django.core.wsgi import get_wsgi_application

    made: Callable[..., Any] = get_wsgi_application()
    return made


def prepare(chws: int) -> None:
    """Migrate, and register every CHW as a contact with a connection, so that no sender is new."""
    application()
    from django.core.management import call_command
    from rapidsms.models import Backend, Connection, Contact

    from benchmarks.references.rapidsms_project.settings import BACKEND

    call_command("migrate", verbosity=0)
    backend = Backend.objects.create(name=BACKEND)
    Contact.objects.bulk_create([Contact(name=str(chw), language="fr") for chw in range(chws)], 1000)
    contacts = Contact.objects.order_by("id")
    Connection.objects.bulk_create(
        [
            Connection(backend=backend, identity=phone(CHW_PHONES, chw), contact=contact)
            for chw, contact in enumerate(contacts)
        ],
        1000,
    )


if __name__ == "__main__":
    prepare(int(sys.argv[1]))
