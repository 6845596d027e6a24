//! SQLite connections for reading, handed out one query at a time.
//!
//! sqlx's pool pings each connection that comes back to it, in case the server hung up. A file does not, and the ping is
//! a trip to the connection's thread that costs as much as a small query, so here what comes back is ready at once.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::str::FromStr as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions as _, Connection as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::error::{Error, Inner, Result};

/// The connections of one database; cheap to clone.
#[derive(Clone)]
pub(crate) struct Readers(Arc<Shared>);

struct Shared {
    options: AnyConnectOptions,
    setup: String,
    count: u32,
    /// One permit per connection, open or not.
    places: Arc<Semaphore>,
    /// The last to come back is the first to go out: its cache is warm.
    idle: Mutex<Vec<AnyConnection>>,
}

impl Readers {
    /// Prepares up to `count` connections, which are opened when they are needed and run `setup` first.
    pub(crate) fn new(url: &str, setup: String, count: u32) -> Result<Self> {
        let options = AnyConnectOptions::from_str(url).map_err(Inner::Open)?;
        let places = Arc::new(Semaphore::new(count as usize));
        Ok(Self(Arc::new(Shared { options, setup, count, places, idle: Mutex::default() })))
    }

    /// Lends a connection; waits at most `limit` for one to come back.
    pub(crate) async fn acquire(&self, limit: Duration) -> Result<LentReader> {
        let place = timeout(limit, Arc::clone(&self.0.places).acquire_owned()).await;
        let place = place.map_err(|_| Error::query(sqlx::Error::PoolTimedOut))?;
        let place = place.map_err(|_| Error::query(sqlx::Error::PoolClosed))?;
        let idle = self.0.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.0.open().await?,
        };
        let shared = Arc::clone(&self.0);
        Ok(LentReader { connection: Some(connection), asking: false, shared, place: Some(place) })
    }

    /// Waits until all connections have come back, and closes them for good.
    pub(crate) async fn close(&self) {
        // Fails only if they are closed already.
        if let Ok(all) = self.0.places.acquire_many(self.0.count).await {
            self.0.places.close();
            drop(all);
        }
        let idle = std::mem::take(&mut *self.0.idle());
        for connection in idle {
            if let Err(error) = connection.close().await {
                tracing::warn!(%error, "cannot close a connection");
            }
        }
    }
}

impl Shared {
    async fn open(&self) -> Result<AnyConnection> {
        let mut connection = self.options.connect().await.map_err(Inner::Open)?;
        let setup = sqlx::raw_sql(sqlx::AssertSqlSafe(self.setup.clone()));
        setup.execute(&mut connection).await.map_err(Inner::Open)?;
        Ok(connection)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<AnyConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection on loan; it goes back when this is dropped.
pub(crate) struct LentReader {
    /// `None` only while it is dropped.
    connection: Option<AnyConnection>,
    /// A query was begun and has not ended well.
    asking: bool,
    shared: Arc<Shared>,
    /// Given back after the connection, which whoever gets it next expects to find.
    place: Option<OwnedSemaphorePermit>,
}

impl LentReader {
    /// Notes that a query begins, or that it ended well.
    pub(crate) fn set_asking(&mut self, asking: bool) {
        self.asking = asking;
    }
}

impl fmt::Debug for LentReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LentReader").finish_non_exhaustive()
    }
}

impl Drop for LentReader {
    fn drop(&mut self) {
        let (connection, place) = (self.connection.take(), self.place.take());
        if !self.asking {
            self.shared.idle().extend(connection);
            return;
        }
        // SQLite goes on with a query that nobody waits for any more, and a broken connection must not come back.
        if let (Some(mut connection), Ok(runtime)) = (connection, tokio::runtime::Handle::try_current()) {
            let shared = Arc::clone(&self.shared);
            runtime.spawn(async move {
                if connection.ping().await.is_ok() {
                    shared.idle().push(connection);
                }
                drop(place);
            });
        }
    }
}

impl Deref for LentReader {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        self.connection.as_ref().expect("a connection is lent until it is dropped")
    }
}

impl DerefMut for LentReader {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        self.connection.as_mut().expect("a connection is lent until it is dropped")
    }
}

#[cfg(test)]
mod tests;
