"""The whole command with every room: for shell completion, and for whoever wants to look at all of it."""

from shared.cli.commands import COMMANDS, build

app = build(COMMANDS)
