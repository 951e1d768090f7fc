"""siem_forwarder: every classified observation to the SIEM."""
