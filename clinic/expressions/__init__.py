"""The language of program rules, as DHIS2 writes it: parse, check, evaluate. Pure: no Django.

`parsing.py` makes a tree (`tree.py`) of a text, `checking.py` says what a tree needs, `evaluation.py` says
what it comes to with the values at hand (`values.py`), `functions.py` holds the `d2:` functions. What a rule
then does to a form is not here: `clinic/programs/rules.py`. Read next: `tree.py`.
"""
