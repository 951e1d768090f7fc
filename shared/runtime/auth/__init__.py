"""Who may send: one module for each method, a registry of them, and the gate that asks them before a body is read."""
