"""Central's feed: positions fixed at commit, gates, subscriptions, pages of merged state."""
