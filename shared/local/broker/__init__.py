"""The embedded broker: a durable log, Triggers as Knative means them, and the Kafka Broker's rules of delivery.

It keeps to what reference/knative.md §4 and §5 say of Knative's Broker of class Kafka, so that what works in one
process works on a cluster. What differs is written in docs/decisions/0020-embedded-broker.md.
"""
