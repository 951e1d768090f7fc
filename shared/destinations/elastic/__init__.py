"""The bulk API of Elasticsearch and OpenSearch: settings, client, check (reference/destinations.md §4)."""
