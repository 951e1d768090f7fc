"""The one delivery algorithm: claim, ask the destination on doubt, send, complete."""
