"""The configuration groups, as a package so that they travel with the wheel."""
