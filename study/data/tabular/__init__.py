"""Rows of a user's own, from a file or from a data set of the Hub, and the examples that they make."""
