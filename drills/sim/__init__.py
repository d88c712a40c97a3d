"""The photo desk at work for days in a second: the real deciders on a clock that is played.

world   the log, judged as the projector judges it, and what must hold after each event
worker  what is owed gets done, late, twice, or begun by who dies at it
people  merchants and photographers: who comes, goes, answers in time, too late or never
report  what it came to
"""
