"""A trivial keyword handler: it takes the report as it is and thanks for it."""

from __future__ import annotations

from rapidsms.contrib.handlers.handlers.keyword import KeywordHandler


class SickChild(KeywordHandler):  # type: ignore[misc]
    keyword = "mal"

    def help(self) -> None:
        self.respond("MAL code FIEVRE 2 TDR+")

    def handle(self, text: str) -> None:
        self.respond(f"Merci: {text}")
