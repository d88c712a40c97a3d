"""A Kinesis for one machine: the operations Tillstream uses, over SQLite, for an unmodified client.

Served: CreateStream, DeleteStream, DescribeStreamSummary, ListShards, SplitShard, MergeShards,
UpdateShardCount, PutRecord, PutRecords, GetShardIterator (all five types) and GetRecords, as
JSON 1.1 over HTTP.

What holds:

1.  Acknowledged means on disk. A reply to a write leaves after the COMMIT that holds it, and a
    commit is an fsync of the write-ahead log. Puts that arrive together share one (group commit).
2.  A sequence number has 56 digits, is unique in the whole database, and is larger than every one
    given before it; neither `kill -9` nor a clock that steps back changes that.
3.  A sequence number is at least the microsecond of its record's arrival. So retention and
    AT_TIMESTAMP find their place by number, and no put or read costs more as the log grows.
4.  All state is in the database, none is cached: a shard that is split is seen split at once.
5.  A refused request has changed nothing. A member that would have no effect is refused, not
    ignored.

Records are kept for 168 hours, and longer by the time for which nothing had been given when it was
started: a log that is off does not age, and one in AWS never is off. Older ones are hidden from
every read at once, and deleted, like those of a deleted stream, by the writer, a hundred at a time.

Weaker than AWS: a new stream is ACTIVE and a deleted one gone at once, shards change at the request
and the stream is UPDATING for a quarter of a second after it; how often a day they may change is
not limited; tags are accepted and dropped; throughput per shard and calls per second are not
limited; no put is ever throttled; credentials are not checked.

    errors.py     how a request is refused
    disk.py       the tables, and the numbers as clients see them
    tokens.py     shard iterators and next tokens
    members.py    what a request may contain
    writes.py     streams and records put and deleted, and the trimming
    reshard.py    SplitShard, MergeShards, UpdateShardCount
    reader.py     what every read has: a connection of its own, the clock, the rows
    shards.py     DescribeStreamSummary, ListShards
    iterators.py  GetShardIterator
    records.py    GetRecords
    writer.py     one thread, one transaction for all that waits
    wire.py       HTTP/1.1
    serving.py    the parts put together: a process, or a thread in a test
"""

from local.kinesis.serving import serving

__all__ = ["serving"]
