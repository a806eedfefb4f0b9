"""How do I try the service without an account? `python -m smsgateway.channels.standin --webhook URL` runs the provider
alone, prints each SMS it takes, and turns each line typed, `+22376000001 MAL 4177 CONVULSION`, into one from that
phone. It ends with its input.
"""

from __future__ import annotations

import sys

import click

from smsgateway.channels.standin.server import StandIn
from smsgateway.channels.standin.traps import Sending


def _show(sending: Sending) -> None:
    click.echo(f"{', '.join(sending.to)} <- {sending.message}")


@click.command(help=__doc__)
@click.option("--port", default=8090, show_default=True, help="Where to listen; 0 for any free port.")
@click.option("--webhook", help="The service's address up to the secret: http://127.0.0.1:8000/at/SECRET")
@click.option("--username", default="sandbox", show_default=True)
@click.option("--api-key", default="atsk_stand_in", show_default=True)
@click.option("--latency", default=0.0, show_default=True, help="Seconds before every answer.")
@click.option("--quiet", is_flag=True, help="Do not print each SMS: for benchmarks.")
def main(port: int, webhook: str | None, username: str, api_key: str, latency: float, quiet: bool) -> None:
    stand_in = StandIn(
        username=username,
        api_key=api_key,
        webhook=webhook,
        port=port,
        deliver=webhook is not None,
        listener=None if quiet else _show,
    )
    stand_in.latency = latency
    with stand_in:
        click.echo(f"AT_BASE_URL={stand_in.url}")
        for line in sys.stdin:
            sender, _, text = line.strip().partition(" ")
            if sender:
                stand_in.text(sender, text)


if __name__ == "__main__":
    main()
