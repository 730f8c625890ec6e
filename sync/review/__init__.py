"""What a person decides: conflicts, quarantine, holds."""
