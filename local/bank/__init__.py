"""The sandbox bank: a gateway for play money, as a process of its own with a ledger on disk.

    __main__   `python -m local.bank --data DIR [--port N]`
    counter    its requests
    ledger     what it keeps

Its cards are tokens, and each does the same every time:

    tok_approved             is charged
    tok_declined             is declined
    tok_insufficient_funds   is declined for want of money
    tok_slow                 is charged, three seconds later
    tok_error_after          is charged, and the first answer is a 500 all the same
    any other                is no card: `invalid-card`

A key stands for one charge or refund for ever. The ledger holds keys, orders and amounts; it keeps
no token and nothing about a person.
"""
