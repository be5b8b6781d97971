"""The ways of a call to the fake in this process: one file for each client library, and the switch for all.

While at least one fake is on, calls to `api.getbluejay.ai` (any scheme or port) go to the one that was switched on
last. Other hosts pass untouched. When the last is switched off, every patched attribute and variable is the original.
"""
