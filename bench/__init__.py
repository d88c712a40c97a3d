"""The figures of the design, measured: `python -m bench`.

figures    every figure by name, with its target and whether it holds
machine    what they were measured on
world      a cloud of its own for each measurement, and seeded events
consumer   events a second, CPU, requests and write units of the projector, by shards too
reference  the same events, a read and a write per event and view
fill       an archive, made by all cores
replay     an emptied table that catches up: events a second, and peak memory
refill     the process that does it
audit      how fast an archive is verified
levelling  how long a killed shop takes to be level again
serving    accepted and visible, against a shop that `python -m local` runs
imports    what a cold start imports
signing, kinesis_put   seal and unseal; PutRecord by the length of the log
"""
