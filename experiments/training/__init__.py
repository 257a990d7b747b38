"""Training of drafts on what their target writes; the stages of ``train_draft.py``, each a file."""
