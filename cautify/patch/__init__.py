"""Change text; decide nothing."""
