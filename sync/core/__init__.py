"""The pure core: what replicas agree on. No Django, no I/O.

`protocol.py` is the spec; `merge.py` joins states, `clock.py` makes stamps, `digest.py` proves equality.
"""
