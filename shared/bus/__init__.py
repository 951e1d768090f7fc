"""Buses that keep events and give them again: one protocol, an implementation for each, loaded where it is used."""
