"""Does the service do what a story says it does? Plays a scenario file on a virtual clock and an in-memory database.

`script` is what may stand in a file, `playing` makes it happen in a `World`, `expectations` judges what came of it.
"""

from smsgateway.scenario.playing import play
from smsgateway.scenario.script import Scenario, Unmet, load_scenario
from smsgateway.scenario.world import Sent, World

__all__ = ["Scenario", "Sent", "Unmet", "World", "load_scenario", "play"]
