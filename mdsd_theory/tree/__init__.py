"""Trees of drafts: topology, the walk down a tree and its exact law, decoding with real models."""
