"""Each folder speaks one foreign API; none knows another."""
