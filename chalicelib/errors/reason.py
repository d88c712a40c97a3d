"""Why a record, a row or the cloud stands in the way: told to the log, never to a client."""

from __future__ import annotations


class TillstreamError(Exception):
    """What all our errors are."""


class SecurityError(TillstreamError):
    """A record that is not believed. `code` is what the quarantine row says."""

    @property
    def code(self) -> str:
        """The reason as one word: the name of the class."""
        return type(self).__name__


class Malformed(SecurityError):
    """The record is not our strict JWS, JSON or event profile."""


class BadSignature(SecurityError):
    """The bytes are not what the key signed."""


class UnknownKey(SecurityError):
    """The trust document names no such key."""


class KeyNotValid(SecurityError):
    """The key was outside its window, or revoked, when the record arrived."""


class NotAuthorised(SecurityError):
    """The key is known, but may not say this type, for this source or subject."""


class WrongStream(SecurityError):
    """The event was meant for another stream, or lies under another partition key."""


class Stale(SecurityError):
    """The event's time lies too far from the shard's clock at its record."""


class Equivocation(SecurityError):
    """One identity, two contents."""


class InvalidData(SecurityError):
    """The model of the event's type and version refuses its data."""


class Tampered(TillstreamError):
    """What is personal in an event is altered, or stands where it was not put."""


class UnknownType(TillstreamError):
    """This code has no model for the event's type and version."""


class Misfit(TillstreamError):
    """A row that DynamoDB would refuse: types, keys, digits, size or number."""


class Behind(TillstreamError):
    """A shard cannot be folded further yet: it waits, and nothing is lost."""


class TryAgain(TillstreamError):
    """An effect that could not be had now, and may be had later: its to-do stays open."""


class Unreachable(TillstreamError):
    """What is to be fetched lies where nothing is fetched from, and always will."""


class Waits(TillstreamError):
    """An effect for which there is nothing to do yet: its to-do stays open, and nothing is lost."""


class CloudFailure(TillstreamError):
    """The cloud did not do what it was asked; the batch is tried again and nothing is lost."""


class AnotherStream(CloudFailure):
    """A stream that was made anew under the name of one that has an archive: it is not read."""


class Promoted(TillstreamError):
    """The register names another version by now: what was read is to be read again."""


class CommitLost(CloudFailure):
    """Another process moved the checkpoint first."""


class Conflict(CloudFailure):
    """Another transaction holds one of the rows at this moment."""
