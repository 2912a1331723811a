"""Hydra finds configurations only in a package."""
