"""The HTTP edge and what a function needs around it: settings, wiring, hosts."""
