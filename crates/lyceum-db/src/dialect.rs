//! What differs between SQLite and PostgreSQL, as fragments of SQL text.

/// The database behind a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// One file on this machine.
    Sqlite,
    /// A server, shared by any number of replicas.
    Postgres,
}

impl Dialect {
    /// Returns the text of a migration for this database.
    ///
    /// Placeholders are replaced, and blocks between `-- only: <name>` and `-- end` kept for the database they name.
    pub(crate) fn render(self, migration: &str) -> String {
        let (name, fragments) = match self {
            Self::Sqlite => (
                "sqlite",
                [
                    ("{identity}", "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT"),
                    ("{number}", "INTEGER"),
                    ("{key}", "TEXT"),
                    ("{blob}", "BLOB"),
                    ("{clustered}", " WITHOUT ROWID"),
                ],
            ),
            Self::Postgres => (
                "postgres",
                [
                    ("{identity}", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
                    ("{number}", "BIGINT"),
                    ("{key}", "TEXT COLLATE \"C\""),
                    ("{blob}", "BYTEA"),
                    ("{clustered}", ""),
                ],
            ),
        };
        let mut text = String::with_capacity(migration.len() + 1024);
        let mut keep = true;
        for line in migration.lines() {
            if let Some(only) = line.strip_prefix("-- only: ") {
                keep = only.trim() == name;
            } else if line == "-- end" {
                keep = true;
            } else if keep && !line.trim_start().starts_with("--") {
                text.push_str(line);
                text.push('\n');
            }
        }
        for (placeholder, fragment) in fragments {
            text = text.replace(placeholder, fragment);
        }
        text
    }

    /// Returns the function that finds a text in another: `name(text, part)`, from 1, 0 if it is not there.
    pub(crate) fn position(self) -> &'static str {
        match self {
            Self::Sqlite => "instr",
            Self::Postgres => "strpos",
        }
    }

    /// Returns the suffix that locks the rows of a `SELECT` until the transaction ends.
    ///
    /// SQLite has one writer at a time, so there it is empty.
    pub(crate) fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }

    /// Returns the suffix that locks a row and passes over those that another transaction has locked.
    pub(crate) fn skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }
}
