"""The ways by which calls to the real host reach a fake in this process: a file a client library, and the switch.

While at least one fake is on, calls to `api.getbluejay.ai` (any scheme or port) go to the one that was switched on
last. Other hosts pass untouched. When the last is switched off, every patched attribute and variable is the original.
"""
