"""Whether this node is fit to open the clinic day, for `manage.py check_node` and the page *This laptop*.

`looking.py` asks everything in order; `machine.py` looks at the machine, `records.py` at the database, the
log and the backups, `company.py` at what this node needs of others. Nothing here changes anything.
Read next: `looking.py`.
"""
