"""qradar_forwarder: every classified observation to IBM QRadar."""
