"""Thirty tablets on a clinic day, against a real node: `python -m tests.bench.tablets`."""
