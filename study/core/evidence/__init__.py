"""How sure a study may be: two sources of error, what differs, what to choose, and how flattered the best is."""
