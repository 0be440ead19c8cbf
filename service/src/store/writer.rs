//! The one writer: takes what is waiting into one commit (group commit).
//!
//! Each piece of work runs in a savepoint of its own, so one that errs takes nothing from the
//! others. Nobody is told of success before the commit that holds their work. The single place
//! that speaks SQLite's dialect of transactions.

use std::cell::RefCell;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Executor};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::StoreError;

/// At most this many pieces of work share a commit, so that none waits for too long.
const LARGEST_GROUP: usize = 64;

/// A handle to the writing task. Clones lead to the same one.
#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Box<dyn Work>>,
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Writer {
    pub(super) fn start(pool: AnyPool) -> Self {
        let (queue, waiting) = mpsc::channel(1024);
        let task = tokio::spawn(serve(pool, waiting));
        Self {
            queue,
            task: Arc::new(Mutex::new(Some(task))),
        }
    }

    pub(super) async fn write<T, F>(&self, run: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut AnyConnection) -> BoxFuture<'c, Result<T, StoreError>>
            + Send
            + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let work = Box::new(Waiting { run, answer });
        self.queue.send(work).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    /// Finishes what is queued and closes the connection. Later writes err.
    pub(super) async fn close(&self) {
        let (answer, answered) = oneshot::channel();
        if self.queue.send(Box::new(Stop { answer })).await.is_ok() {
            let _ = answered.await;
        }
        if let Some(task) = self.task.lock().await.take() {
            let _ = task.await;
        }
    }
}

fn closed() -> StoreError {
    StoreError::from(sqlx::Error::PoolClosed)
}

type Afterwards = Vec<Box<dyn FnOnce() + Send>>;

tokio::task_local! {
    static AFTERWARDS: RefCell<Afterwards>;
}

/// Has `act` done when the write from inside which this is called is committed: for what must
/// not be told of before, and not at all if it comes to nothing.
pub(crate) fn when_committed(act: impl FnOnce() + Send + 'static) {
    let noted = AFTERWARDS.try_with(|afterwards| afterwards.borrow_mut().push(Box::new(act)));
    debug_assert!(noted.is_ok(), "called from outside of a write");
}

async fn noting_afterwards<T>(work: impl Future<Output = T>) -> (T, Afterwards) {
    let noting = async {
        let result = work.await;
        (result, AFTERWARDS.with(RefCell::take))
    };
    AFTERWARDS.scope(RefCell::default(), noting).await
}

/// Tells the waiting caller how the commit went.
type Settle = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// One piece of work, its type erased.
trait Work: Send {
    /// Runs the statements; the caller is told by [`Ran::settle`], once the commit is decided.
    fn run<'c>(self: Box<Self>, connection: &'c mut AnyConnection) -> BoxFuture<'c, Ran>;

    /// Answers without having run.
    fn refuse(self: Box<Self>, error: StoreError);

    /// Whether nothing may follow.
    fn is_last(&self) -> bool {
        false
    }
}

struct Ran {
    /// Whether every statement went through.
    kept: bool,
    settle: Settle,
}

struct Waiting<T, F> {
    run: F,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Work for Waiting<T, F>
where
    T: Send + 'static,
    F: for<'c> FnOnce(&'c mut AnyConnection) -> BoxFuture<'c, Result<T, StoreError>>
        + Send
        + 'static,
{
    fn run<'c>(self: Box<Self>, connection: &'c mut AnyConnection) -> BoxFuture<'c, Ran> {
        Box::pin(async move {
            let Waiting { run, answer } = *self;
            let (result, afterwards) = noting_afterwards(run(connection)).await;
            Ran {
                kept: result.is_ok(),
                settle: Box::new(move |committed| {
                    if result.is_ok() && committed.is_ok() {
                        afterwards.into_iter().for_each(|act| act());
                    }
                    let _ = answer.send(result.and_then(|value| committed.map(|()| value)));
                }),
            }
        })
    }

    fn refuse(self: Box<Self>, error: StoreError) {
        let _ = self.answer.send(Err(error));
    }
}

struct Stop {
    answer: oneshot::Sender<()>,
}

impl Work for Stop {
    fn run<'c>(self: Box<Self>, _: &'c mut AnyConnection) -> BoxFuture<'c, Ran> {
        Box::pin(async move {
            Ran {
                kept: true,
                settle: Box::new(move |_| {
                    let _ = self.answer.send(());
                }),
            }
        })
    }

    fn refuse(self: Box<Self>, _: StoreError) {
        let _ = self.answer.send(());
    }

    fn is_last(&self) -> bool {
        true
    }
}

async fn serve(pool: AnyPool, mut waiting: mpsc::Receiver<Box<dyn Work>>) {
    let mut group = Vec::with_capacity(LARGEST_GROUP);
    let mut last = false;
    while !last && waiting.recv_many(&mut group, LARGEST_GROUP).await > 0 {
        last = group.iter().any(|work| work.is_last());
        match pool.acquire().await {
            Ok(connection) => commit_group(connection, &mut group).await,
            Err(error) => refuse_all(&mut group, &StoreError::from(error)),
        }
    }
    waiting.close();
    while let Some(work) = waiting.recv().await {
        work.refuse(closed());
    }
    pool.close().await;
}

fn refuse_all(group: &mut Vec<Box<dyn Work>>, error: &StoreError) {
    tracing::error!(%error, writes = group.len(), "nothing was written");
    for work in group.drain(..) {
        work.refuse(error.clone());
    }
}

async fn commit_group(mut connection: PoolConnection<Any>, group: &mut Vec<Box<dyn Work>>) {
    if let Err(error) = begin(&mut connection).await {
        refuse_all(group, &StoreError::from(error));
        // In what state the connection is now, nobody knows: the next group gets a new one.
        let _ = connection.close().await;
        return;
    }
    let mut settlements = Vec::with_capacity(group.len());
    let mut failure = None;
    let alone = group.len() == 1;
    for work in group.drain(..) {
        match &failure {
            Some(error) => work.refuse(StoreError::clone(error)),
            None if alone => settlements.push(run_alone(&mut connection, work, &mut failure).await),
            None => settlements.push(run_apart(&mut connection, work, &mut failure).await),
        }
    }
    let committed = match failure {
        None => commit(&mut connection).await,
        Some(error) => {
            let _ = connection.execute("ROLLBACK").await;
            Err(error)
        }
    };
    for settle in settlements {
        settle(committed.clone());
    }
}

async fn begin(connection: &mut AnyConnection) -> sqlx::Result<()> {
    // A plain BEGIN would take SQLite's write lock only at the first write, and then a second
    // writer (another process: an administrator's command) makes it fail instead of wait.
    let statement = match connection.backend_name() {
        "SQLite" => "BEGIN IMMEDIATE",
        _ => "BEGIN",
    };
    connection.execute(statement).await.map(|_| ())
}

async fn commit(connection: &mut AnyConnection) -> Result<(), StoreError> {
    if let Err(error) = connection.execute("COMMIT").await {
        tracing::error!(%error, "a commit failed; nothing of it is kept");
        let _ = connection.execute("ROLLBACK").await;
        return Err(StoreError::from(error));
    }
    Ok(())
}

/// Runs the only work of a group: the transaction itself is its savepoint.
async fn run_alone(
    connection: &mut AnyConnection,
    work: Box<dyn Work>,
    failure: &mut Option<StoreError>,
) -> Settle {
    let ran = work.run(connection).await;
    if !ran.kept {
        *failure = Some(withdrawn());
    }
    ran.settle
}

async fn run_apart(
    connection: &mut AnyConnection,
    work: Box<dyn Work>,
    failure: &mut Option<StoreError>,
) -> Settle {
    if let Err(error) = connection.execute("SAVEPOINT work").await {
        *failure = Some(StoreError::from(error));
    }
    let ran = work.run(connection).await;
    let end = if ran.kept {
        "RELEASE SAVEPOINT work"
    } else {
        "ROLLBACK TO SAVEPOINT work"
    };
    // After SQLITE_FULL or an I/O error SQLite has rolled back the whole transaction by itself
    // (sqlite.org/lang_transaction.html section 3.1), the savepoint with it: then the group is lost.
    if let Err(error) = connection.execute(end).await {
        *failure = Some(StoreError::from(error));
    }
    ran.settle
}

/// The verdict on a group whose only work erred; that work tells its own error instead.
fn withdrawn() -> StoreError {
    StoreError::from(sqlx::Error::WorkerCrashed)
}
