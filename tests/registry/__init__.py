"""Tests of who and where. Read `conftest.py` first: the cast, and the node they work at."""
