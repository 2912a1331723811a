"""The surface over a space: what untried configurations may score, which of them to try, and when to stop."""
