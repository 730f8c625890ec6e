"""Tests of the pure core. `strategies.py` makes the histories; read it first."""
