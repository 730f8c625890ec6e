"""The outside world's formats, at the edge."""
