//! Processors apart for what is measured and for what loads it, so that the one's work does not
//! count as the other's.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Some of the machine's processors.
#[derive(Clone)]
pub(crate) struct Cores {
    set: CpuSet,
}

/// Half of the processors for what is measured, the others for what loads it; all for both where
/// there is only one.
pub(crate) fn halves() -> (Cores, Cores) {
    let own = sched_getaffinity(None).unwrap();
    let numbers: Vec<usize> = (0..CpuSet::MAX_CPU)
        .filter(|cpu| own.is_set(*cpu))
        .collect();
    if numbers.len() < 2 {
        return (Cores { set: own }, Cores { set: own });
    }
    let (measured, loading) = numbers.split_at(numbers.len() / 2);
    (Cores::of(measured), Cores::of(loading))
}

impl Cores {
    fn of(numbers: &[usize]) -> Self {
        let mut set = CpuSet::new();
        for number in numbers {
            set.set(*number);
        }
        Self { set }
    }

    /// How many.
    pub(crate) fn count(&self) -> usize {
        self.set.count() as usize
    }

    /// Does `work` on these alone, with every thread and process that it starts: they inherit it.
    pub(crate) fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = sched_getaffinity(None).unwrap();
        sched_setaffinity(None, &self.set).unwrap();
        let done = work();
        sched_setaffinity(None, &before).unwrap();
        done
    }
}
