"""Bluejay's API: its resources, their operations, and the published paths."""
