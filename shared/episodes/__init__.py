"""The correlation state machine: observations and ticks in, episodes out. Pure; the store is its caller's business."""
