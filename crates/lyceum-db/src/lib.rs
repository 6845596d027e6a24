//! Schema, migrations and every SQL query, for SQLite and PostgreSQL.
