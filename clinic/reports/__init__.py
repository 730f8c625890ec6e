"""Registers, reports and charts: what was done here, counted and drawn.

Reads what the other rooms wrote and writes nothing. Read next: `policy.py`, then `asked.py`.
"""
