"""elastic_forwarder: every classified observation to Elasticsearch or OpenSearch."""
