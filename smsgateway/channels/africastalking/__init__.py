"""How does Africa's Talking speak, both ways? `AfricasTalkingChannel` hands SMS over, the `read_…` functions decode
what it posts to our webhooks. Nothing outside this folder knows its words, its codes or its traps.
"""

from smsgateway.channels.africastalking.callbacks import (
    CHANNEL,
    read_opt_out,
    read_receipt,
    read_sms,
    read_turn,
)
from smsgateway.channels.africastalking.channel import AfricasTalkingChannel
from smsgateway.channels.africastalking.connection import Timeouts

__all__ = [
    "CHANNEL",
    "AfricasTalkingChannel",
    "Timeouts",
    "read_opt_out",
    "read_receipt",
    "read_sms",
    "read_turn",
]
