"""What captures say: rows → clustered means → tables, findings and figures.

Needs pandas and, for the figures, matplotlib: the extra ``plot``.
"""
