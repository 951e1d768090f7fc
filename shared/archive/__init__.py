"""The long archive: what a bus kept, for years, in sealed segments in a folder or in S3 (docs/archive.md)."""
