//! The task that owns SQLite's one writing connection.
//!
//! It takes the writes that wait and runs up to [`MAX_GROUP`] of them in one transaction, each in a savepoint, so that
//! one sync of the disk makes all of them durable. Nobody is told of success before that.

use std::any::Any;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use sqlx::Connection as _;
use tokio::sync::{mpsc, oneshot};

use crate::db::Tx;
use crate::error::{Error, Inner, Result};
use crate::queries::{Connection, State};
use crate::value::bind;

/// Most writes in one transaction.
pub(crate) const MAX_GROUP: usize = 64;
/// Most writes that wait; further callers wait to enter.
const MAX_WAITING: usize = 1024;

/// What became of a write: its result, or its panic.
pub(crate) type Answer<T, E> = std::result::Result<std::result::Result<T, E>, Box<dyn Any + Send>>;

/// The way to the writer task; the task ends when the last clone is dropped.
#[derive(Clone)]
pub(crate) struct Writer(mpsc::Sender<Message>);

enum Message {
    Write(Box<dyn Write>),
    Close(oneshot::Sender<()>),
}

impl Writer {
    /// Starts the task on an open connection.
    pub(crate) fn start(tx: Tx) -> Self {
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        tokio::spawn(serve(tx, receiver));
        Self(sender)
    }

    /// Queues a write and waits until it is durable or undone.
    pub(crate) async fn write<T, E, F>(&self, work: F) -> Answer<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: for<'a> FnOnce(&'a mut Tx) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let pending = Pending { work: Some(work), answer: None, reply };
        let closed = || Ok(Err(Error::from(Inner::Closed).into()));
        match self.0.send(Message::Write(Box::new(pending))).await {
            Ok(()) => answer.await.unwrap_or_else(|_| closed()),
            Err(_) => closed(),
        }
    }

    /// Waits for what is queued, and closes the connection.
    pub(crate) async fn close(&self) {
        let (reply, done) = oneshot::channel();
        if self.0.send(Message::Close(reply)).await.is_ok() {
            // An error means that the task has ended already.
            let _ = done.await;
        }
    }
}

/// A write of any type.
trait Write: Send {
    /// Runs it in an open savepoint; says whether to keep what it did.
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, bool>;
    /// Answers the caller; `failure` says why the group was not committed, if it was not.
    fn answer(self: Box<Self>, failure: Option<&Arc<Error>>);
}

struct Pending<T, E, F> {
    work: Option<F>,
    answer: Option<Answer<T, E>>,
    reply: oneshot::Sender<Answer<T, E>>,
}

impl<T, E, F> Write for Pending<T, E, F>
where
    T: Send,
    E: From<Error> + Send,
    F: for<'a> FnOnce(&'a mut Tx) -> BoxFuture<'a, Result<T, E>> + Send,
{
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            // A caller that is gone before its turn gets what it wants: nothing.
            if let Some(work) = self.work.take()
                && !self.reply.is_closed()
            {
                self.answer = Some(tx.attempt(work).await);
            }
            matches!(self.answer, Some(Ok(Ok(_))))
        })
    }

    fn answer(self: Box<Self>, failure: Option<&Arc<Error>>) {
        let answer = match (self.answer, failure) {
            (None | Some(Ok(Ok(_))), Some(failure)) => {
                Ok(Err(Error::from(Inner::Commit(Arc::clone(failure))).into()))
            }
            (Some(answer), _) => answer,
            (None, None) => return,
        };
        // An error means that the caller is gone.
        let _ = self.reply.send(answer);
    }
}

async fn serve(mut tx: Tx, mut queue: mpsc::Receiver<Message>) {
    let mut closing = None;
    while closing.is_none() {
        match queue.recv().await {
            Some(Message::Write(first)) => closing = serve_group(&mut tx, first, &mut queue).await,
            Some(Message::Close(reply)) => closing = Some(reply),
            None => break,
        }
    }
    queue.close();
    tx.set_state(State::Good);
    // Only comfort for whoever opens the file next: the log is read again in any case.
    if let Err(error) = tx.script("PRAGMA wal_checkpoint(TRUNCATE)".to_owned()).await {
        tracing::warn!(%error, "cannot empty the log while closing the database");
    }
    if let Connection::Owned(connection) = tx.into_queries().into_connection()
        && let Err(error) = connection.close().await
    {
        tracing::warn!(%error, "cannot close the database");
    }
    if let Some(reply) = closing {
        // An error means that the caller is gone.
        let _ = reply.send(());
    }
}

/// Runs one group, commits it and answers its callers. Returns the request to close, if one came.
async fn serve_group(
    tx: &mut Tx,
    first: Box<dyn Write>,
    queue: &mut mpsc::Receiver<Message>,
) -> Option<oneshot::Sender<()>> {
    let mut group = vec![first];
    let mut closing = None;
    let committed = commit_group(tx, &mut group, queue, &mut closing).await;
    let failure = committed.err().map(Arc::new);
    if let Some(error) = &failure {
        tracing::error!(%error, writes = group.len(), "cannot commit a group of changes");
        tx.set_state(State::Good);
        // Fails when the first error has ended the transaction already; then there is nothing left to undo.
        let _ = tx.execute("ROLLBACK", bind![]).await;
        tx.set_state(State::Good);
    }
    for write in group {
        write.answer(failure.as_ref());
    }
    closing
}

/// An error means that nothing of the whole group is kept.
async fn commit_group(
    tx: &mut Tx,
    group: &mut Vec<Box<dyn Write>>,
    queue: &mut mpsc::Receiver<Message>,
    closing: &mut Option<oneshot::Sender<()>>,
) -> Result<()> {
    tx.execute("BEGIN IMMEDIATE", bind![]).await?;
    let mut done = 0;
    while done < group.len() {
        tx.execute("SAVEPOINT one_write", bind![]).await?;
        if !group[done].run(tx).await {
            tx.set_state(State::Good);
            tx.execute("ROLLBACK TO one_write", bind![]).await?;
        }
        tx.execute("RELEASE one_write", bind![]).await?;
        done += 1;
        if done < MAX_GROUP && closing.is_none() {
            match queue.try_recv() {
                Ok(Message::Write(write)) => group.push(write),
                Ok(Message::Close(reply)) => *closing = Some(reply),
                Err(_) => {}
            }
        }
    }
    tx.execute("COMMIT", bind![]).await?;
    Ok(())
}
