"""The demo: a central and a clinic side by side on one machine, filled with plausible people, and a whole day
played without anybody.

`layout.py` says where it lives, `nodes.py` runs its processes, `programme.py` and `filling.py` fill it (with
`seeding.py` for the visits and a file for each room), `day.py`, `rooms.py` and `evening.py` play it.
Everything in it is made up. Not here: anything that a real node needs.
"""
