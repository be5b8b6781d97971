"""A world as data: snapshots and seed files."""
