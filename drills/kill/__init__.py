"""A shop is killed again and again while people use it, and must have lost and doubled nothing.

load     who uses it, and what they were told
found    what the archive and the rows then say of that
settle   and the money of their orders
judge    all of it, compared
report   what it came to
play     the rounds
"""
