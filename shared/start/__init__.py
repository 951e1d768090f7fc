"""What keeps a start short: compiled files, what is kept out of it, and what is left for later."""
