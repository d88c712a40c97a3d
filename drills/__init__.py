"""Drills: what a shop must stand, done to a running one. They refuse whatever is not loopback."""
