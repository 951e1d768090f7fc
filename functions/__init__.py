"""One folder per function; each deploys by itself."""
