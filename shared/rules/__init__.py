"""Rules: what an observation means. Model, loader, matcher, explanation; pure but for reading rule files."""
