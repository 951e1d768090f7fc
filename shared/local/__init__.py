"""The embedded system: durable local broker, trigger evaluation, stand-ins of the foreign systems."""
