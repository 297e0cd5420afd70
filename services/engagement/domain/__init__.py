"""What engagement decides, as pure functions: no I/O, no clock, no chance.

`advance(membership, event, ...)` takes one record of the log, `close` one day's end, `rescore` one change of
settings; each returns the membership as it is then and what follows from it (`Effects`).
"""
