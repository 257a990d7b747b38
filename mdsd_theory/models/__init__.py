"""Language models as this package needs them: a target, and drafts that see what it has seen.

Needs ``pip install 'mdsd-theory[models]'``; nothing here is imported by the rest of the package.
"""
