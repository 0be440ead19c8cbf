//! The one thread that owns the vault, and the handles that lead to it.
//!
//! Hardware is slow and knows one caller at a time, so jobs queue. A job that panics ends as a
//! [`VaultError::Fault`] for its caller alone; the thread and the vault live on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;

use symbolon_vault::{Judge, Vault, VaultError};
use tokio::runtime::{Handle, RuntimeFlavor};

/// A way to the vault. Cheap to clone; the thread ends when the last one is gone.
#[derive(Clone)]
pub struct VaultHandle {
    jobs: mpsc::Sender<Job>,
    judge: Judge,
}

type Job = Box<dyn FnOnce(&mut dyn Vault) + Send>;

impl VaultHandle {
    /// Gives the vault a thread of its own.
    pub fn start(mut vault: Box<dyn Vault>) -> std::io::Result<Self> {
        let judge = vault.judge();
        let (jobs, queue) = mpsc::channel::<Job>();
        std::thread::Builder::new()
            .name("vault".to_owned())
            .spawn(move || {
                while let Ok(job) = queue.recv() {
                    if catch_unwind(AssertUnwindSafe(|| job(vault.as_mut()))).is_err() {
                        tracing::error!("an operation of the vault panicked; the vault goes on");
                    }
                }
            })?;
        Ok(Self { jobs, judge })
    }

    /// Who judges PINs.
    pub fn judge(&self) -> Judge {
        self.judge
    }

    /// Runs `work` on the vault's thread. Dropping the future does not stop a job under way.
    pub async fn call<T, W>(&self, work: W) -> Result<T, VaultError>
    where
        T: Send + 'static,
        W: FnOnce(&mut dyn Vault) -> Result<T, VaultError> + Send + 'static,
    {
        let (answer, answered) = tokio::sync::oneshot::channel();
        self.queue(Box::new(move |vault| drop(answer.send(work(vault)))))?;
        answered.await.unwrap_or_else(|_| Err(panicked()))
    }

    /// The same for callers that cannot await, such as a TLS handshake. Blocks, but not what else
    /// this runtime has to do, if it may have more threads than one.
    pub fn call_blocking<T, W>(&self, work: W) -> Result<T, VaultError>
    where
        T: Send + 'static,
        W: FnOnce(&mut dyn Vault) -> Result<T, VaultError> + Send + 'static,
    {
        let (answer, answered) = mpsc::sync_channel(1);
        self.queue(Box::new(move |vault| drop(answer.send(work(vault)))))?;
        let wait = || answered.recv().unwrap_or_else(|_| Err(panicked()));
        match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(wait),
            _ => wait(),
        }
    }

    /// Queues work whose result nobody needs; it runs when all earlier jobs are done.
    pub fn post<W>(&self, work: W)
    where
        W: FnOnce(&mut dyn Vault) + Send + 'static,
    {
        // A stopped thread has nothing left to prepare; whoever needs an answer learns of it.
        let _ = self.queue(Box::new(work));
    }

    fn queue(&self, job: Job) -> Result<(), VaultError> {
        self.jobs.send(job).map_err(|_| VaultError::Fault {
            detail: "the vault's thread has ended".to_owned(),
            source: None,
        })
    }
}

impl std::fmt::Debug for VaultHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VaultHandle")
    }
}

fn panicked() -> VaultError {
    VaultError::Fault {
        detail: "the operation ended without an answer; this is an error in symbolond".to_owned(),
        source: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_vault::TestVault;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn a_panicking_job_is_a_fault_for_its_caller_alone() {
        let vault = VaultHandle::start(Box::new(TestVault::default())).unwrap();

        let outcome: Result<(), _> = vault.call(|_| panic!("the test says so")).await;

        assert!(matches!(outcome, Err(VaultError::Fault { .. })));
        assert!(vault.call(|vault| vault.custody()).await.is_ok());
        assert!(vault.call_blocking(|vault| vault.custody()).is_ok());
    }

    #[test]
    fn who_waits_for_the_vault_in_a_handshake_leaves_the_only_worker_to_others() {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).build().unwrap();
        let vault = VaultHandle::start(Box::new(TestVault::default())).unwrap();
        let (begun, begins) = oneshot::channel();
        let (end, ends) = mpsc::channel();

        let shaking = runtime.spawn(async move {
            vault.call_blocking(move |_| {
                begun.send(()).unwrap();
                ends.recv().unwrap();
                Ok(())
            })
        });
        // It needs the worker after the handshake took it.
        let other = runtime.spawn(async move {
            begins.await.unwrap();
            end.send(()).unwrap();
        });

        assert!(runtime.block_on(shaking).unwrap().is_ok());
        runtime.block_on(other).unwrap();
    }
}
