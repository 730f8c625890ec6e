"""A Django database engine: SQLite, encrypted as a whole file by SQLCipher, one writer at a time without
starving.

`ENGINE = "sync.vault.sqlcipher"`. Read `base.py` for the connection, `turn.py` for how writers queue, and
`sync/vault/datakey.py` for where the key comes from. Not here: backup and restore.
"""
