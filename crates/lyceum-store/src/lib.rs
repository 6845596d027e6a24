//! Immutable bytes by hash on local disk or S3: xorbs, shards, segments; ingest and ranged logical reads.
