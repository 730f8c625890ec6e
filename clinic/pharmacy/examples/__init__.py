"""A list of medicines to begin with, and where it comes from.

Lives here: `essential_medicines.csv`, sixty-odd medicines of a primary-care post in the columns that
`import_medicines` reads. The selection follows the WHO Model List of Essential Medicines; names are INN,
codes are the WHO's ATC. Lowest stocks are examples: a programme sets its own. Not here: reading
(`medicines.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

ESSENTIAL: Final = Path(__file__).with_name("essential_medicines.csv")
