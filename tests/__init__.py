"""The tests. Read `tests/conftest.py` first: what every test stands on."""
