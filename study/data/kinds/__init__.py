"""Kinds of examples, one a file: what a study learns from, and what folds need to know of it."""
