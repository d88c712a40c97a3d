"""Races: the same thing asked at the same moment, many times or in contradiction; counted once.

order   one cart sent again and again under one Idempotency-Key: one order, and one charge
pay     cards and a cancellation at once: paid once, and given back what was paid for nothing
start   a product to order, and many hands that let go together
"""
