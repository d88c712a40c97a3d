"""Tillstream: the log is the only truth, everything else is a pure function of it.

A request comes in by `door`: it reads the subject's row, the subject's decider in `decisions`
makes an event of the command or refuses, `signing` seals it, `log` appends it to Kinesis, and the
answer is 202. From Kinesis the `projector` takes a batch of one shard: `archive` keeps it verbatim
in a write-once segment, `signing` unseals each record or quarantines it, the decider's `evolve`
says whether it counts, each of the `views` folds what counts, and `store` commits the rows with
the `checkpoint` that explains them in one transaction. A query goes out by `read`, which answers
only from a table that is level. Each minute the `notary` enters what is new in the archive into one
tree, and signs its head; and `unread` says, each hour, where something may have expired first.

    door          the way in             projector  batch, fold, chunk, catch up
    writer        other formats' events  views      one file per question
    decisions     who decides            view       what a view is
    events        what can happen        read       the way out
    signing       why it is believed     verdicts   what became of an event
    log           Kinesis                latest     what happened last
    archive       S3: the long memory    health     is it up, is it level
    store         DynamoDB: the table    access     who may do what
    checkpoint    how far rows are       vault      secrets of the shop
    subjects      the row of a subject   openapi    the contract, from the routes
    register      which version is read  replay     candidate; redrive
    http          requests, problems     web        the page
    config        settings, clients      telemetry  one line per thing that happened
    errors        every way to say no    personal   what only a person's key can read
    work          the queue of pokes     todos      what is owed, and how it is done
    orders        from cart to doorstep  payments   who moves the money
    customers     who a person is        webhook    what Stripe tells
    notary        one tree over all      proofs     what shows that it is on the log
    tickets       what people ask for    pictures   what photographers send
    photographers who may be asked       inbox      what they are told, locally
    sms           what Twilio passes on  unread     did anything expire first
    sweeping      each minute, each part
"""
