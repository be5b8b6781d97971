"""The model of Bluejay: no HTTP, no sockets, nothing but the standard library.

`World` holds everything and is the only place where a status changes; `statuses.TRANSITIONS` alone
says which changes are legal; `Readings` names every behavior that is a guess.
"""
