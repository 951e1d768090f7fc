"""Settings from the environment, as functions on Knative have them."""
