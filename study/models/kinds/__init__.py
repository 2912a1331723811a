"""Which backbone reads which kind of examples, one kind a file with its ``READER``."""
