"""CESQL, CloudEvents' expression language (1.0), as Knative's Triggers take it.

Grammar, casts and functions are those of https://github.com/cloudevents/spec (cesql/spec.md); where Knative's two
implementations answer differently, `Flavour` says how. Lark is loaded by `grammar`, where there is an expression.
"""
