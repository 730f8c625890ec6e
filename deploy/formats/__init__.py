"""How dates and times are written, where Django's own way of a language does not suit a clinic.

Lives here: one package for each such language; `FORMAT_MODULE_PATH` names this one. Not here: moments
relative to today (`deploy/templatetags/posta_ui.py`).
"""
