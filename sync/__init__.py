"""How replicas come to agree. Knows no clinical word; usable with any Django model.

Read `sync/core/protocol.py` first (the spec), then `sync/records.py` (what a synced model is),
`sync/ledger/recording.py` (the one door for writes) and `sync/run.py` (one run).
"""
