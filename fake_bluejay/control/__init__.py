"""The control API under `/_fake`, its event stream, and the console."""
