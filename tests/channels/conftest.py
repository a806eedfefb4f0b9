"""A provider on a socket, and the real channel that talks to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from smsgateway.channels.africastalking import AfricasTalkingChannel, Timeouts
from smsgateway.channels.standin import StandIn

# Long enough for a busy machine, short enough to wait for.
PATIENT = Timeouts(connect=2.0, read=5.0, call=8.0)
HURRIED = Timeouts(connect=0.3, read=0.25, call=0.3)


@pytest.fixture
def provider() -> Iterator[StandIn]:
    with StandIn() as stand_in:
        yield stand_in


OpenChannel = Callable[..., AfricasTalkingChannel]


@pytest.fixture
def open_channel(provider: StandIn) -> Iterator[OpenChannel]:
    """Opens channels to the provider and closes them after the test."""
    opened: list[AfricasTalkingChannel] = []

    def open_one(
        timeouts: Timeouts = PATIENT,
        base_url: str | None = None,
        api_key: str | None = None,
        sender_id: str | None = None,
    ) -> AfricasTalkingChannel:
        channel = AfricasTalkingChannel(
            username=provider.username,
            api_key=api_key or provider.api_key,
            sender_id=sender_id,
            base_url=base_url or provider.url,
            timeouts=timeouts,
        )
        opened.append(channel)
        return channel

    yield open_one
    for channel in opened:
        channel.close()


@pytest.fixture
def channel(open_channel: OpenChannel) -> AfricasTalkingChannel:
    return open_channel()
