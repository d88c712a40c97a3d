"""Hypothesis as the engine's tests use it: a busy machine is no failure."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("engine", deadline=None)
settings.load_profile("engine")
