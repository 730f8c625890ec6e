"""The ledger: replicas, changes and receipts. Read `models.py`, then `recording.py` – the one door for
writes.
"""
