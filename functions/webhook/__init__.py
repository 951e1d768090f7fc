"""webhook: each notice as one request to any HTTP target."""
