//! Processes, which are killed and paused between any two steps, and the assignments of their shards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::clock::{HOUR, now_s};
use super::world::{Sim, World};
use crate::stream::StreamError;

pub(super) type Ended = Result<(), StreamError>;

/// A task of a process for a partition: a shard, the closing of days, or a sweep.
pub(super) struct Task {
    pub(super) partition: usize,
    /// The number of the assignment for which it was started.
    pub(super) assignment: u64,
    pub(super) is_shard: bool,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) handle: JoinHandle<Ended>,
}

/// One aggregator process.
#[derive(Default)]
pub(super) struct Process {
    pub(super) tasks: Vec<Task>,
    paused_until_s: i64,
    /// It is not paused again before this time, so that it makes progress between two pauses.
    awake_from: Option<Instant>,
    pub(super) down_until_s: Option<i64>,
}

impl Process {
    pub(super) fn is_able(&self) -> bool {
        self.down_until_s.is_none() && !self.is_paused()
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused_until_s > now_s()
    }

    /// Ends a pause.
    pub(super) fn wake(&mut self) {
        self.paused_until_s = 0;
    }
}

impl World {
    /// Pauses a process: its tasks do nothing for so long. The calendar continues.
    pub(super) fn pause(&mut self, process: usize, seconds: i64) {
        let one = &mut self.processes[process];
        if one.is_able() && one.awake_from.is_none_or(|from| from <= Instant::now()) {
            one.paused_until_s = now_s() + seconds;
            self.note(|| format!("aggregator {process} pauses for {seconds} s"));
        }
    }

    /// Kills a process with all its tasks.
    pub(super) fn kill_process(&mut self, process: usize, back_after_s: i64) {
        let one = &mut self.processes[process];
        one.down_until_s = Some(now_s() + back_after_s);
        one.paused_until_s = 0;
        one.tasks.drain(..).for_each(|task| task.handle.abort());
        self.note(|| format!("aggregator {process} killed"));
        if self.chance.happens(0.5) {
            let World { server, chance, .. } = self;
            server.lose_some(chance);
        }
    }

    /// Kills an embedded process together with its ClickHouse and its collector.
    pub(super) fn kill_embedded(&mut self, back_after_s: i64) {
        let World { server, chance, collectors, .. } = self;
        let done = collectors[0].kill(chance);
        server.kill(0, chance);
        self.note(|| "the whole program is killed".to_owned());
        self.collected(done);
        self.check_server();
        self.kill_process(0, back_after_s);
    }
}

/// The assignment of a partition to a process.
#[derive(Clone)]
pub(super) struct Assignment {
    pub(super) sim: Sim,
    pub(super) process: usize,
    pub(super) partition: usize,
    /// Counts the assignments of the partition.
    pub(super) number: u64,
}

impl Assignment {
    /// Called at every step of a task. The process may be paused or killed here.
    pub(super) async fn step(&self) {
        self.step_with(1.0).await;
    }

    /// A step at which the process is paused or killed more often.
    pub(super) async fn risky_step(&self) {
        self.step_with(8.0).await;
    }

    async fn step_with(&self, risk: f64) {
        let latency = {
            let mut world = self.sim.world();
            let world = &mut *world;
            if world.faults && world.chance.happens(world.scenario.stop_rate * risk) {
                world.faults_had += 1;
                let back_after_s = world.chance.between(1, 2 * HOUR);
                match (world.scenario.embedded, world.chance.happens(0.5)) {
                    (true, _) => world.kill_embedded(back_after_s),
                    (false, true) => world.kill_process(self.process, back_after_s),
                    (false, false) => {
                        let seconds = world.chance.pick(&[HOUR, 3 * HOUR, 8 * HOUR]);
                        world.pause(self.process, seconds);
                    }
                }
            }
            if world.chance.happens(0.5) { world.chance.between(1, 60) as u64 } else { 0 }
        };
        if latency > 0 {
            tokio::time::sleep(Duration::from_millis(latency)).await;
        }
        self.while_paused().await;
    }

    /// A frequent step: waits while the process is paused, but does not pause or kill it.
    pub(super) async fn while_paused(&self) {
        let mut was_paused = false;
        while self.sim.world().processes[self.process].is_paused() {
            was_paused = true;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        if was_paused {
            self.sim.world().processes[self.process].awake_from = Some(Instant::now() + Duration::from_secs(2));
        }
        // An aborted task ends only at an await.
        if self.sim.world().processes[self.process].down_until_s.is_some() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether the partition was assigned again since.
    pub(super) fn is_former(&self) -> bool {
        self.sim.world().group.assignments[self.partition] != self.number
    }
}

impl Task {
    /// Ends the task: it finishes its batch, or is dropped now.
    pub(super) fn revoke(&self, drop_now: bool) {
        if drop_now {
            self.handle.abort();
        }
        self.stop.store(true, Ordering::Release);
    }
}
