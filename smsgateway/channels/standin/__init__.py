"""How does the service behave when Africa's Talking misbehaves? `StandIn` is a peer over real sockets that speaks its
API: it takes SMS, posts callbacks, and on demand falls into every trap that was recorded.

    with StandIn(webhook="http://127.0.0.1:8000/at/secret") as provider:
        provider.answer_next(traps.WRONG_KEY)
        channel = AfricasTalkingChannel(username=provider.username, api_key=provider.api_key, base_url=provider.url)
"""

from smsgateway.channels.standin import traps
from smsgateway.channels.standin.callbacks import DELIVERED, ReceiptStep
from smsgateway.channels.standin.server import StandIn
from smsgateway.channels.standin.traps import Sending, Trap

__all__ = ["DELIVERED", "ReceiptStep", "Sending", "StandIn", "Trap", "traps"]
