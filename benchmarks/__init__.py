"""Measurements that a change can be held against. `docs/benchmarks.md` tells how to run them and what they showed."""
