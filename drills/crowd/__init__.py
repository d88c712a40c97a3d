"""A crowd plays the workshop's game: people list, photograph, view and buy, all at once.

script   who is there and what they will do: a pure function of the seed
play     the script over REST, many hands at once, each product's moves in order
sight    how long until a recorded move can be read
tally    what the crowd itself counted, and how the shop's scores differ from it
report   what is told at the end
"""
