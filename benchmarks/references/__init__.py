"""The two yardsticks of the intake benchmark: a bare Flask handler, and RapidSMS in an environment of its own."""
