"""Every call and fault of the schedules of some seeds, of each kind: a line with a digest for each.

    python tests/engine/traces.py 3 11

A process says what another says of the same seeds, whatever it has played before.
"""

import hashlib
import sys

import seeded
import seeded_owing
import seeded_rebuild
import seeded_redrive

KINDS = {
    "log": seeded.play,
    "owing": seeded_owing.play,
    "redrive": seeded_redrive.play,
    "rebuild": seeded_rebuild.play,
}

if __name__ == "__main__":
    for kind, play in KINDS.items():
        for seed in map(int, sys.argv[1:]):
            told = "\n".join(play(seed).trace)
            print(kind, seed, hashlib.sha256(told.encode()).hexdigest())
