"""Everything that may go wrong at a call to AWS does, by a seed, and nothing comes of it.

plan    what goes wrong when
"""
