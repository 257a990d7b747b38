"""Captured next-token distributions that ship with the package."""
