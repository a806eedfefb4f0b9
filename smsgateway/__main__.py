"""`python -m smsgateway` is the `smsgateway` command."""

from smsgateway.cli import main

main()
