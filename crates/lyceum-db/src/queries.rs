//! The connection that every query runs on.

use std::fmt;

use sqlx::AnyConnection;
use sqlx::any::{Any, AnyArguments, AnyRow};
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr, Transaction};

use crate::dialect::Dialect;
use crate::error::{Error, Inner, Result};
use crate::readers::LentReader;
use crate::value::{Bind, Columns, Record};

/// Most values in one `IN` list or rows in one `INSERT`; longer lists are cut into several statements.
pub(crate) const MAX_LIST: usize = 128;

/// A connection with every query as a method; reached through [`Reader`](crate::Reader) and [`Tx`](crate::Tx).
pub struct Queries {
    connection: Connection,
    dialect: Dialect,
    state: State,
    /// What was asked, so that tests can look at the plans.
    #[cfg(test)]
    pub(crate) seen: Vec<String>,
}

pub(crate) enum Connection {
    Lent(LentReader),
    Pooled(PoolConnection<Any>),
    Transaction(Transaction<'static, Any>),
    Owned(Box<AnyConnection>),
}

/// Where a transaction stands; a reader is always `Good`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Good,
    /// A statement failed. PostgreSQL refuses all that follow until the rollback and so do we on SQLite, where an error
    /// may even have ended the transaction, so that what follows would be committed on its own.
    Failed {
        transient: bool,
    },
}

impl Queries {
    pub(crate) fn new(connection: Connection, dialect: Dialect) -> Self {
        Self {
            connection,
            dialect,
            state: State::Good,
            #[cfg(test)]
            seen: Vec::new(),
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    pub(crate) fn set_state(&mut self, state: State) {
        self.state = state;
    }

    pub(crate) fn into_connection(self) -> Connection {
        self.connection
    }

    pub(crate) fn connection(&mut self) -> &mut AnyConnection {
        match &mut self.connection {
            Connection::Lent(connection) => connection,
            Connection::Pooled(connection) => connection,
            Connection::Transaction(transaction) => transaction,
            Connection::Owned(connection) => connection,
        }
    }

    /// Runs a statement and returns the number of rows it changed.
    pub(crate) async fn execute(&mut self, sql: impl SqlSafeStr, arguments: AnyArguments) -> Result<u64> {
        let sql = self.check(sql)?;
        let result = sqlx::query_with(sql, arguments).execute(self.connection()).await;
        Ok(self.note(result)?.rows_affected())
    }

    /// Runs a query that yields at most one row.
    pub(crate) async fn optional<T: Record>(
        &mut self,
        sql: impl SqlSafeStr,
        arguments: AnyArguments,
    ) -> Result<Option<T>> {
        let sql = self.check(sql)?;
        let result = sqlx::query_with(sql, arguments).fetch_optional(self.connection()).await;
        self.note(result)?.map(|row| read(&row)).transpose()
    }

    /// Runs a query that always yields a row, such as a count.
    pub(crate) async fn one<T: Record>(
        &mut self,
        sql: impl SqlSafeStr,
        arguments: AnyArguments,
    ) -> Result<T> {
        self.optional(sql, arguments).await?.ok_or_else(|| Error::query(sqlx::Error::RowNotFound))
    }

    /// Runs a query and returns all its rows; the caller bounds their number.
    pub(crate) async fn all<T: Record>(
        &mut self,
        sql: impl SqlSafeStr,
        arguments: AnyArguments,
    ) -> Result<Vec<T>> {
        let sql = self.check(sql)?;
        let result = sqlx::query_with(sql, arguments).fetch_all(self.connection()).await;
        self.note(result)?.iter().map(read).collect()
    }

    /// Runs text that may hold several statements, without arguments.
    pub(crate) async fn script(&mut self, sql: String) -> Result<()> {
        let sql = self.check(AssertSqlSafe(sql))?;
        let result = sqlx::raw_sql(sql).execute(self.connection()).await;
        self.note(result).map(|_| ())
    }

    fn check(&mut self, sql: impl SqlSafeStr) -> Result<SqlStr> {
        self.set_asking(true);
        let sql = sql.into_sql_str();
        #[cfg(test)]
        self.seen.push(sql.as_str().to_owned());
        match self.state {
            State::Good => Ok(sql),
            State::Failed { .. } => Err(Inner::Aborted.into()),
        }
    }

    fn set_asking(&mut self, asking: bool) {
        if let Connection::Lent(connection) = &mut self.connection {
            connection.set_asking(asking);
        }
    }

    fn note<T>(&mut self, result: sqlx::Result<T>) -> Result<T> {
        self.set_asking(result.is_err());
        result.map_err(|error| {
            let error = Error::query(error);
            if !matches!(self.connection, Connection::Lent(_) | Connection::Pooled(_)) {
                self.state = State::Failed { transient: error.transient() };
            }
            error
        })
    }
}

impl fmt::Debug for Queries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queries")
            .field("dialect", &self.dialect)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

fn read<T: Record>(row: &AnyRow) -> Result<T> {
    T::read(&mut Columns::new(row))
}

/// Builds a query whose shape depends on its input. Only literal text is pushed; values are always bound.
#[derive(Default)]
pub(crate) struct Sql {
    text: String,
    arguments: AnyArguments,
    bound: usize,
}

impl Sql {
    pub(crate) fn new(text: &'static str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    pub(crate) fn push(&mut self, text: &'static str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Binds a value and writes its `$n`.
    pub(crate) fn bind(&mut self, value: impl Bind) -> &mut Self {
        value.bind(&mut self.arguments);
        self.bound += 1;
        self.text.push('$');
        self.text.push_str(&self.bound.to_string());
        self
    }

    /// Writes `($n, …)` for an `IN`.
    ///
    /// The last value is repeated up to a power of two, so that few shapes fill the cache of prepared statements.
    pub(crate) fn list<T: Bind>(&mut self, values: &[T]) -> &mut Self {
        for index in 0..values.len().next_power_of_two() {
            self.push(if index == 0 { "(" } else { ", " });
            self.bind(&values[index.min(values.len() - 1)]);
        }
        self.push(")")
    }

    pub(crate) fn finish(self) -> (AssertSqlSafe<String>, AnyArguments) {
        (AssertSqlSafe(self.text), self.arguments)
    }
}

/// Cuts a list into parts whose lengths are powers of two, so that few shapes of `INSERT` are prepared.
pub(crate) fn batches<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        if rows.is_empty() {
            return None;
        }
        let length = rows.len().min(MAX_LIST);
        let (part, rest) = rows.split_at(1 << length.ilog2());
        rows = rest;
        Some(part)
    })
}
