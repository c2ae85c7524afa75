"""Benchmarks: each module prints one table or a few, `python -m benchmarks.NAME`."""
