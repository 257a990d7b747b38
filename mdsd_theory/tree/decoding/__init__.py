"""Decoding with real models: caches that hold trees, drafters, verification of many nodes at once."""
