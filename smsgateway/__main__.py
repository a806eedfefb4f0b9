"""`python -m smsgateway` is the `smsgateway` command."""

from smsgateway.cli import main

if __name__ == "__main__":  # a process that `serve` starts looks at this file too
    main()
