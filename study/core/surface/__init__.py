"""What each searched key does to a figure, over all trials of a study: knobs, their bases, effects."""
