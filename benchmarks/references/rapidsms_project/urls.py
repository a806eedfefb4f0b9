"""One address: Africa's Talking's callback into RapidSMS's HTTP backend view."""

from __future__ import annotations

from django.urls import path
from rapidsms.backends.http.views import GenericHttpBackendView

from benchmarks.references.rapidsms_project.settings import BACKEND


class AfricasTalking(GenericHttpBackendView):  # type: ignore[misc]
    params = {"identity_name": "from", "text_name": "text"}  # noqa: RUF012 - RapidSMS reads it from the class


urlpatterns = [path("sms", AfricasTalking.as_view(backend_name=BACKEND))]
