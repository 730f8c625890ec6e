"""English; the formats are in `formats.py`, where Django looks for them."""
