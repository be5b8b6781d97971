"""Bluejay's own HTTP surface, as an ASGI application over a `World`: routes, wire models, the exact error bodies."""
