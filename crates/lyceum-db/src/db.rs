//! Opening the database, readers and transactions.

use std::fmt::{self, Write as _};
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use lyceum_core::Clock;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyPool, ConnectOptions as _, Connection as _, Executor as _};

use crate::dialect::Dialect;
use crate::error::{Error, Inner, Result};
use crate::migrate::migrate;
use crate::queries::{Connection, Queries, State};
use crate::readers::Readers;
use crate::writer::{Answer, Writer};

/// Longest that one write may take before it is rolled back.
const MAX_WRITE_SECONDS: u64 = 60;
/// Longest wait for a free connection.
const ACQUIRE_WAIT: Duration = Duration::from_secs(10);
/// How often a PostgreSQL transaction is tried when it deadlocks with others.
const MAX_ATTEMPTS: u32 = 8;
/// The pause before the second try; doubled before each further one.
const RETRY_PAUSE: Duration = Duration::from_millis(5);

/// Every SQLite connection. The page size comes before the journal mode, which fixes it.
const SQLITE_SETUP: &str = "\
    PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 10000; \
    PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864;";
const SQLITE_WRITER_SETUP: &str = "PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 2000;";
const SQLITE_READER_SETUP: &str = "PRAGMA cache_size = -8192; PRAGMA query_only = ON;";
const POSTGRES_READER_SETUP: &str = "SET default_transaction_read_only = on; SET statement_timeout = 60000;";
const POSTGRES_WRITER_SETUP: &str =
    "SET statement_timeout = 60000; SET idle_in_transaction_session_timeout = 120000;";

/// How to open a database.
#[derive(Clone)]
pub struct DbOptions {
    /// `sqlite:///absolute/path.db` (made if absent) or `postgres://user:password@host/name`.
    pub url: String,
    /// Most connections that read at the same time; PostgreSQL opens as many again for writing.
    pub readers: u32,
    /// Tells when a migration was applied.
    pub clock: Clock,
}

impl DbOptions {
    /// Returns the address of the SQLite file at `path`.
    pub fn sqlite_url(path: &Path) -> String {
        let mut url = "sqlite://".to_owned();
        for byte in path.as_os_str().as_encoded_bytes() {
            if byte.is_ascii_alphanumeric() || b"/-_.~".contains(byte) {
                url.push(char::from(*byte));
            } else {
                write!(url, "%{byte:02X}").expect("a string takes all");
            }
        }
        url
    }
}

/// The database; cheap to clone.
#[derive(Clone)]
pub struct Db {
    dialect: Dialect,
    connections: Connections,
}

#[derive(Clone)]
enum Connections {
    Sqlite { readers: Readers, writer: Writer },
    Postgres { readers: AnyPool, writers: AnyPool },
}

/// A connection that only reads. Each query sees what is committed when it starts.
#[derive(Debug)]
pub struct Reader(Queries);

/// A transaction that is under way; see [`Db::write`].
#[derive(Debug)]
pub struct Tx(Queries);

impl Db {
    /// Opens the database and brings its schema up to date.
    pub async fn open(options: DbOptions) -> Result<Self> {
        sqlx::any::install_default_drivers();
        if options.url.starts_with("sqlite:") {
            Self::open_sqlite(options).await
        } else if options.url.starts_with("postgres:") || options.url.starts_with("postgresql:") {
            Self::open_postgres(options).await
        } else {
            Err(Inner::Address("it must start with `sqlite:` or `postgres:`").into())
        }
    }

    async fn open_sqlite(options: DbOptions) -> Result<Self> {
        let base = options.url.as_str();
        let path = base.trim_start_matches("sqlite:").trim_start_matches("//");
        if path.is_empty() || path.starts_with(':') {
            return Err(Inner::Address("SQLite needs a file").into());
        }
        if path.contains('?') {
            return Err(Inner::Address("SQLite takes no parameters").into());
        }
        let mut connection = connect(&format!("{base}?mode=rwc")).await?;
        for setup in [SQLITE_SETUP, SQLITE_WRITER_SETUP] {
            sqlx::raw_sql(setup).execute(&mut connection).await.map_err(Inner::Open)?;
        }
        let mut tx = Tx(Queries::new(Connection::Owned(Box::new(connection)), Dialect::Sqlite));
        migrate(&mut tx, &options.clock).await?;
        let setup = [SQLITE_SETUP, SQLITE_READER_SETUP].concat();
        let readers = Readers::new(&format!("{base}?mode=rw"), setup, options.readers.max(1))?;
        let connections = Connections::Sqlite { readers, writer: Writer::start(tx) };
        Ok(Self { dialect: Dialect::Sqlite, connections })
    }

    async fn open_postgres(options: DbOptions) -> Result<Self> {
        let connection = connect(&options.url).await?;
        let mut tx = Tx(Queries::new(Connection::Owned(Box::new(connection)), Dialect::Postgres));
        migrate(&mut tx, &options.clock).await?;
        if let Connection::Owned(connection) = tx.0.into_connection() {
            connection.close().await.map_err(Inner::Open)?;
        }
        let pool =
            AnyPoolOptions::new().max_connections(options.readers.max(1)).acquire_timeout(ACQUIRE_WAIT);
        // Two pools, so that a task that holds a reader while it writes cannot wait for itself.
        let open = |setup: &'static str| {
            let pool = pool.clone().after_connect(move |connection, _| {
                Box::pin(async move { connection.execute(sqlx::raw_sql(setup)).await.map(|_| ()) })
            });
            pool.connect(&options.url)
        };
        let readers = open(POSTGRES_READER_SETUP).await.map_err(Inner::Open)?;
        let writers = open(POSTGRES_WRITER_SETUP).await.map_err(Inner::Open)?;
        Ok(Self { dialect: Dialect::Postgres, connections: Connections::Postgres { readers, writers } })
    }

    /// Returns which database this is.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Returns a connection for reading; it goes back to the pool when it is dropped.
    pub async fn read(&self) -> Result<Reader> {
        let connection = match &self.connections {
            Connections::Sqlite { readers, .. } => Connection::Lent(readers.acquire(ACQUIRE_WAIT).await?),
            Connections::Postgres { readers, .. } => {
                Connection::Pooled(readers.acquire().await.map_err(Error::query)?)
            }
        };
        Ok(Reader(Queries::new(connection, self.dialect)))
    }

    /// Runs `work` in a transaction of its own and returns its value once that is durable.
    ///
    /// An error of `work`, a failed statement or a panic undoes all of it and nothing else; the panic goes on in the
    /// caller. On SQLite, writes that wait at the same time are committed together; on PostgreSQL, `work` is run again
    /// when it deadlocks with another transaction, hence `Clone`. Isolation there is READ COMMITTED: `work` must decide
    /// by what its statements changed, or lock the repo's row first, as [`Queries::take_segment_number`] does.
    ///
    /// `work` must do nothing but queries: all other writers of a SQLite database wait for it.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'a> FnOnce(&'a mut Tx) -> BoxFuture<'a, Result<T, E>> + Clone + Send + 'static,
    {
        let answer = match &self.connections {
            Connections::Sqlite { writer, .. } => writer.write(work).await,
            Connections::Postgres { writers, .. } => write_postgres(writers, work).await,
        };
        answer.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Waits for the writes that were accepted, then closes all connections.
    pub async fn close(&self) {
        match &self.connections {
            Connections::Sqlite { readers, writer } => {
                // Readers first, so that the writer's last checkpoint can empty the log.
                readers.close().await;
                writer.close().await;
            }
            Connections::Postgres { readers, writers } => {
                writers.close().await;
                readers.close().await;
            }
        }
    }
}

pub(crate) async fn connect(url: &str) -> Result<sqlx::AnyConnection> {
    let options = AnyConnectOptions::from_str(url).map_err(Inner::Open)?;
    Ok(options.connect().await.map_err(Inner::Open)?)
}

async fn write_postgres<T, E, F>(pool: &AnyPool, work: F) -> Answer<T, E>
where
    E: From<Error>,
    F: for<'a> FnOnce(&'a mut Tx) -> BoxFuture<'a, Result<T, E>> + Clone + Send,
{
    for attempt in 1.. {
        let transaction = match pool.begin().await {
            Ok(transaction) => transaction,
            Err(error) => return Ok(Err(Error::query(error).into())),
        };
        let mut tx = Tx(Queries::new(Connection::Transaction(transaction), Dialect::Postgres));
        let answer = tx.attempt(work.clone()).await;
        let state = tx.0.state();
        let Connection::Transaction(transaction) = tx.0.into_connection() else {
            unreachable!("a transaction was put in above");
        };
        if let Ok(Ok(value)) = answer {
            return Ok(match transaction.commit().await {
                Ok(()) => Ok(value),
                Err(error) => Err(Error::query(error).into()),
            });
        }
        // A rollback that fails costs the connection, which the pool notices; the answer stays the same.
        if let Err(error) = transaction.rollback().await {
            tracing::warn!(%error, "cannot roll back");
        }
        if state != (State::Failed { transient: true }) || attempt == MAX_ATTEMPTS {
            return answer;
        }
        tracing::debug!(attempt, "transaction conflicts with another, running it again");
        // At once it could take back a lock that the other was just woken for, and block it again.
        tokio::time::sleep(RETRY_PAUSE * 2_u32.pow(attempt - 1)).await;
    }
    unreachable!("the loop returns at the last attempt")
}

impl Tx {
    /// Runs `work`, and catches its panic so that the connection can be cleaned up.
    pub(crate) async fn attempt<T, E, F>(&mut self, work: F) -> Answer<T, E>
    where
        E: From<Error>,
        F: for<'a> FnOnce(&'a mut Self) -> BoxFuture<'a, Result<T, E>> + Send,
    {
        self.0.set_state(State::Good);
        let limit = Duration::from_secs(MAX_WRITE_SECONDS);
        let guarded = AssertUnwindSafe(async { tokio::time::timeout(limit, work(self)).await });
        match guarded.catch_unwind().await {
            Err(panic) => Err(panic),
            Ok(Err(_)) => Ok(Err(Error::from(Inner::TooLong(MAX_WRITE_SECONDS)).into())),
            // A failed statement whose error `work` swallowed: what it meant to do is not what was done.
            Ok(Ok(Ok(_))) if self.0.state() != State::Good => Ok(Err(Error::from(Inner::Aborted).into())),
            Ok(Ok(result)) => Ok(result),
        }
    }

    pub(crate) fn into_queries(self) -> Queries {
        self.0
    }
}

impl Deref for Reader {
    type Target = Queries;

    fn deref(&self) -> &Queries {
        &self.0
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut Queries {
        &mut self.0
    }
}

impl Deref for Tx {
    type Target = Queries;

    fn deref(&self) -> &Queries {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Queries {
        &mut self.0
    }
}

/// The address may hold a password.
impl fmt::Debug for DbOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.url.split(':').next().unwrap_or_default();
        f.debug_struct("DbOptions")
            .field("scheme", &scheme)
            .field("readers", &self.readers)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").field("dialect", &self.dialect).finish_non_exhaustive()
    }
}

/// Opens a connection of its own to a database, to run migrations on.
#[cfg(test)]
pub(crate) async fn testing_tx(url: &str) -> Tx {
    let dialect = if url.starts_with("sqlite:") { Dialect::Sqlite } else { Dialect::Postgres };
    let connection = connect(url).await.expect("the database is there");
    Tx(Queries::new(Connection::Owned(Box::new(connection)), dialect))
}
