"""A real HTTP server on a socket, for subprocesses, other languages and people: uvicorn, in a thread or in front."""
