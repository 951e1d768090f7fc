"""The recorded cluster: a day of `prod-eu1` as people read it, and the player that sends it as a cluster would."""
