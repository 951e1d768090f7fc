"""Destinations as the contract suites need them: a stand-in that is served, and the function that speaks to it.

Each destination is one module here and one line in `shared.runtime.registry`; tests/contract/test_destinations.py says
where one of both is missing.
"""
