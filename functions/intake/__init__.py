"""The function `intake`: what producers post over HTTP, to the broker as observations."""
