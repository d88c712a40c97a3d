"""The cloud on one machine: everything `make run` starts. Never shipped, loopback only.

__main__.py    the runner: starts all of the below, restarts what dies, stops them cleanly
cloud.py       MiniStack and Kinesis started and known by name; the variables the app needs
provision.py   keys, stream, table, buckets and trust document, each made if it is missing
emulator.py    MiniStack as a process of its own
kinesis/       the log, over SQLite
dispatcher.py  calls `project` and `sweep` as Lambda's mappings would
pokes.py       calls `work` so, for each message of its queue
batches.py     what one call of a handler is given
server.py      the routes over HTTP
gateway.py     what API Gateway would answer by itself
wire.py        HTTP/1.1, read strictly
answers.py     an answer, and a refusal as a problem
claim.py       what one shop alone may hold: its STATE, its address
quiet.py       what libraries log, as lines that hold nothing of a request
errors.py      how all this says no
part.py        one child process, seen from its parent
leash.py       the same, seen from the child: it ends when its parent does
"""
