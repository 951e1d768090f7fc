"""The correlator: one problem, one episode, from first observation to its end."""
