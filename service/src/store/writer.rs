//! The one writer: takes what is waiting into one commit (group commit).
//!
//! Each piece of work runs in a savepoint of its own, so one that errs takes nothing from the
//! others. What they note for the audit trail is written once for all of them, as the commit's
//! last statements. Nobody is told of success before the commit that holds their work. The single
//! place that speaks SQLite's dialect of transactions.

use std::cell::RefCell;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use sqlx::{AnyConnection, Connection, Executor};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::StoreError;
use super::batch::{Batch, Done, Failed};
use super::company::{Company, LARGEST_GROUP, LONGEST_WAIT};
use super::connections::Database;
use crate::audit::{self, Noted};

/// A handle to the writing task. Clones lead to the same one.
#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Box<dyn Work>>,
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Writer {
    /// Starts with a connection that is there already.
    pub(super) fn start(database: Database, connection: AnyConnection, company: Company) -> Self {
        let (queue, waiting) = mpsc::channel(1024);
        let task = tokio::spawn(serve(database, connection, waiting, company));
        Self {
            queue,
            task: Arc::new(Mutex::new(Some(task))),
        }
    }

    /// Runs `opening`, and then `run` with what became of it.
    pub(super) async fn write<T, F>(&self, opening: Batch, run: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut AnyConnection, Vec<Done>) -> BoxFuture<'c, Result<T, StoreError>>
            + Send
            + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let work = Box::new(Waiting {
            opening,
            run,
            answer,
        });
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

/// What a write leaves behind beside its own statements.
#[derive(Default)]
struct Notes {
    /// For the audit trail, in the same commit.
    entries: Vec<Noted>,
    /// Once it is committed.
    afterwards: Vec<Box<dyn FnOnce() + Send>>,
}

tokio::task_local! {
    static NOTES: RefCell<Notes>;
}

/// Has `act` done when the write from inside which this is called is committed: for what must
/// not be told of before, and not at all if it comes to nothing.
pub(crate) fn when_committed(act: impl FnOnce() + Send + 'static) {
    let noted = NOTES.try_with(|notes| notes.borrow_mut().afterwards.push(Box::new(act)));
    debug_assert!(noted.is_ok(), "called from outside of a write");
}

/// Has `noted` written into the audit trail by the commit of the write from inside which this is
/// called.
pub(crate) fn with_the_commit(noted: Noted) -> Result<(), StoreError> {
    NOTES
        .try_with(|notes| notes.borrow_mut().entries.push(noted))
        .map_err(|_| StoreError::Damaged("the audit trail is only written by writes".into()))
}

async fn noting<T>(work: impl Future<Output = T>) -> (T, Notes) {
    let noting = async {
        let result = work.await;
        (result, NOTES.with(RefCell::take))
    };
    NOTES.scope(RefCell::default(), noting).await
}

/// Tells the waiting caller how the commit went.
type Settle = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// One piece of work, its type erased.
trait Work: Send {
    /// What it begins with, to be taken before it runs.
    fn take_opening(&mut self) -> Batch {
        Batch::default()
    }

    /// Runs the rest; the caller is told by [`Ran::settle`], once the commit is decided.
    fn run<'c>(
        self: Box<Self>,
        connection: &'c mut AnyConnection,
        opened: Vec<Done>,
    ) -> BoxFuture<'c, Ran>;

    /// Answers without having run.
    fn refuse(self: Box<Self>, error: StoreError);

    /// Whether nothing may follow.
    fn is_last(&self) -> bool {
        false
    }
}

struct Ran {
    /// What goes into the audit trail, if every statement went through.
    kept: Option<Vec<Noted>>,
    settle: Settle,
}

struct Waiting<T, F> {
    opening: Batch,
    run: F,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Work for Waiting<T, F>
where
    T: Send + 'static,
    F: for<'c> FnOnce(&'c mut AnyConnection, Vec<Done>) -> BoxFuture<'c, Result<T, StoreError>>
        + Send
        + 'static,
{
    fn take_opening(&mut self) -> Batch {
        std::mem::take(&mut self.opening)
    }

    fn run<'c>(
        self: Box<Self>,
        connection: &'c mut AnyConnection,
        opened: Vec<Done>,
    ) -> BoxFuture<'c, Ran> {
        Box::pin(async move {
            let Waiting { run, answer, .. } = *self;
            let (result, notes) = noting(run(connection, opened)).await;
            let Notes {
                entries,
                afterwards,
            } = notes;
            Ran {
                kept: result.is_ok().then_some(entries),
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
    fn run<'c>(self: Box<Self>, _: &'c mut AnyConnection, _: Vec<Done>) -> BoxFuture<'c, Ran> {
        Box::pin(async move {
            Ran {
                kept: Some(Vec::new()),
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

async fn serve(
    database: Database,
    connection: AnyConnection,
    mut waiting: mpsc::Receiver<Box<dyn Work>>,
    company: Company,
) {
    let mut kept = Some(connection);
    let mut group = Vec::with_capacity(LARGEST_GROUP);
    let mut last = false;
    while !last && waiting.recv_many(&mut group, LARGEST_GROUP).await > 0 {
        await_company(&mut waiting, &mut group, &company).await;
        last = holds_last(&group);
        let connection = match kept.take() {
            Some(connection) => Ok(connection),
            None => database.connect().await,
        };
        match connection {
            Ok(connection) => kept = commit_group(connection, &mut group).await,
            Err(error) => refuse_all(&mut group, &error),
        }
    }
    waiting.close();
    while let Some(work) = waiting.recv().await {
        work.refuse(closed());
    }
    if let Some(connection) = kept {
        let _ = connection.close().await;
    }
}

/// Lets more join a group, for a moment, where it is worth it.
async fn await_company(
    waiting: &mut mpsc::Receiver<Box<dyn Work>>,
    group: &mut Vec<Box<dyn Work>>,
    company: &Company,
) {
    let until = Instant::now() + LONGEST_WAIT;
    while company.is_worth_waiting_for(group.len()) && !holds_last(group) {
        let room = LARGEST_GROUP - group.len();
        match timeout_at(until, waiting.recv_many(group, room)).await {
            Ok(more) if more > 0 => {}
            Ok(_) | Err(_) => return,
        }
    }
}

fn holds_last(group: &[Box<dyn Work>]) -> bool {
    group.iter().any(|work| work.is_last())
}

fn refuse_all(group: &mut Vec<Box<dyn Work>>, error: &StoreError) {
    tracing::error!(%error, writes = group.len(), "nothing was written");
    for work in group.drain(..) {
        work.refuse(error.clone());
    }
}

/// Runs a group and answers it. Returns the connection for the next one, unless nobody knows in
/// what state it is.
async fn commit_group(
    mut connection: AnyConnection,
    group: &mut Vec<Box<dyn Work>>,
) -> Option<AnyConnection> {
    let mut transaction = Group::of(&mut connection, group.len());
    let mut settlements = Vec::with_capacity(group.len());
    for work in group.drain(..) {
        settlements.extend(transaction.run(work).await);
    }
    let has_begun = transaction.has_begun;
    let committed = transaction.end().await;
    for settle in settlements {
        settle(committed.clone());
    }
    if has_begun {
        return Some(connection);
    }
    let _ = connection.close().await;
    None
}

/// The transaction of a group, and a savepoint for each of several works. Each statement is a
/// message to the thread that runs SQLite, so what begins the transaction, and what parts a work
/// from the one before it, goes along with a work's opening.
struct Group<'c> {
    connection: &'c mut AnyConnection,
    /// What the next work's opening comes after.
    before_next: &'static [&'static str],
    has_begun: bool,
    /// The only work of a group needs no savepoint: the transaction itself is one.
    alone: bool,
    entries: Vec<Noted>,
    /// Why nothing of the group is kept.
    failure: Option<StoreError>,
}

impl<'c> Group<'c> {
    fn of(connection: &'c mut AnyConnection, works: usize) -> Self {
        let alone = works == 1;
        // A plain BEGIN would take SQLite's write lock only at the first write, and then a second
        // writer (another process: an administrator's command) makes it fail instead of wait.
        let before_next: &[&str] = match (connection.backend_name(), alone) {
            ("SQLite", true) => &["BEGIN IMMEDIATE"],
            ("SQLite", false) => &["BEGIN IMMEDIATE", "SAVEPOINT work"],
            (_, true) => &["BEGIN"],
            (_, false) => &["BEGIN", "SAVEPOINT work"],
        };
        Self {
            connection,
            before_next,
            has_begun: false,
            alone,
            entries: Vec::new(),
            failure: None,
        }
    }

    /// Runs a work, or answers it at once where it comes to nothing.
    async fn run(&mut self, mut work: Box<dyn Work>) -> Option<Settle> {
        if let Some(error) = &self.failure {
            work.refuse(error.clone());
            return None;
        }
        match self.open(work.take_opening()).await {
            Ok(opened) => {
                let Ran { kept, settle } = work.run(self.connection, opened).await;
                match kept {
                    Some(entries) => self.entries.extend(entries),
                    None => self.withdraw().await,
                }
                Some(settle)
            }
            Err(Failed::Before(error)) => {
                tracing::error!(%error, "nothing was written");
                self.failure = Some(error.clone());
                work.refuse(error);
                None
            }
            Err(Failed::Itself(error)) => {
                self.withdraw().await;
                work.refuse(error);
                None
            }
        }
    }

    async fn open(&mut self, opening: Batch) -> Result<Vec<Done>, Failed> {
        let opened = opening.run_after(self.before_next, self.connection).await;
        if !matches!(opened, Err(Failed::Before(_))) {
            self.has_begun = true;
            self.before_next = match self.alone {
                true => &[],
                false => &["RELEASE SAVEPOINT work", "SAVEPOINT work"],
            };
        }
        opened
    }

    /// Takes back what a work has done that erred.
    async fn withdraw(&mut self) {
        if self.alone {
            self.failure = Some(withdrawn());
            return;
        }
        // The savepoint stays, for the next work.
        self.before_next = &[];
        // After SQLITE_FULL or an I/O error SQLite has rolled back the whole transaction by itself
        // (sqlite.org/lang_transaction.html section 3.1), the savepoint with it: then the group is
        // lost.
        let rolled_back = self.connection.execute("ROLLBACK TO SAVEPOINT work").await;
        self.failure = rolled_back.err().map(StoreError::from);
    }

    /// Commits, unless something failed.
    async fn end(self) -> Result<(), StoreError> {
        let Self {
            connection,
            entries,
            failure,
            ..
        } = self;
        let committed = match failure {
            None => commit(connection, entries).await,
            Some(error) => Err(error),
        };
        if committed.is_err() {
            let _ = connection.execute("ROLLBACK").await;
        }
        committed
    }
}

async fn commit(connection: &mut AnyConnection, entries: Vec<Noted>) -> Result<(), StoreError> {
    let sealed = async {
        let mut batch = Batch::default();
        let rows = audit::append(connection, &mut batch, entries).await?;
        // Releases a savepoint that still stands.
        batch.add("COMMIT");
        batch.run(connection).await?;
        Ok(rows)
    };
    let rows = sealed.await.inspect_err(|error: &StoreError| {
        tracing::error!(%error, "a commit failed; nothing of it is kept");
    })?;
    rows.iter().for_each(audit::Row::tell);
    Ok(())
}

/// The verdict on a group whose only work erred; that work tells its own error instead.
fn withdrawn() -> StoreError {
    StoreError::from(sqlx::Error::WorkerCrashed)
}
