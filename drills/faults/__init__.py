"""Everything that may go wrong at a call to AWS does, by a seed, and nothing comes of it.

plan    what goes wrong when
layer   how it does, to the requests of botocore's clients
served  the shop's app with the layer on
play    people use that, and then it is compared
"""
