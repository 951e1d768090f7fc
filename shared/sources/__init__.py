"""One decoder per dialect: the wire form in, observations out. No I/O, no exceptions for what a producer can send."""
