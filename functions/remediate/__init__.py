"""remediate: does to a cluster what hooks allow while a problem lasts."""
