"""Capture: a target answers prompts, and every position of its answers is measured.

Stages, each a file: prompts → generation → scoring → measures → shards; ``job`` runs them in turn.
"""
