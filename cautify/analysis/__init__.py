"""Understand the target; change nothing."""
