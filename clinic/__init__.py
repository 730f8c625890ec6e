"""What happens to a person on a clinic day. May import `registry` and `sync`."""
