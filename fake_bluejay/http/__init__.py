"""An HTTP layer that answers as FastAPI does, to the byte."""
