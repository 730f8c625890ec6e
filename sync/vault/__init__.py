"""Keys, the encrypted database engine, the broker: what a node keeps and how it is kept closed."""
