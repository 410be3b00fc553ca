//! Processes, which are killed and stopped between any two steps, and a shard's seat in one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::clock::{HOUR, now_s};
use super::world::{Sim, World};
use crate::read::StreamError;

pub(super) type Ended = Result<(), StreamError>;

/// Something that runs in a process for a partition.
pub(super) struct Task {
    pub(super) partition: usize,
    pub(super) fence: u64,
    pub(super) is_shard: bool,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) handle: JoinHandle<Ended>,
}

/// One aggregator.
#[derive(Default)]
pub(super) struct Process {
    pub(super) tasks: Vec<Task>,
    paused_until_s: i64,
    /// It is not stopped again before: between two stops it gets on a little.
    awake_from: Option<Instant>,
    pub(super) dead_until_s: Option<i64>,
}

impl Process {
    pub(super) fn is_able(&self) -> bool {
        self.dead_until_s.is_none() && !self.is_paused()
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused_until_s > now_s()
    }

    /// Pauses end.
    pub(super) fn wake(&mut self) {
        self.paused_until_s = 0;
    }
}

impl World {
    /// Nothing of it moves for so long; its clock goes on.
    pub(super) fn pause(&mut self, process: usize, seconds: i64) {
        let one = &mut self.processes[process];
        if one.is_able() && one.awake_from.is_none_or(|from| from <= Instant::now()) {
            one.paused_until_s = now_s() + seconds;
            self.note(|| format!("aggregator {process} pauses for {seconds} s"));
        }
    }

    /// It is gone, and what it was about to do.
    pub(super) fn stop(&mut self, process: usize, back_after_s: i64) {
        let one = &mut self.processes[process];
        one.dead_until_s = Some(now_s() + back_after_s);
        one.paused_until_s = 0;
        one.tasks.drain(..).for_each(|task| task.handle.abort());
        self.note(|| format!("aggregator {process} killed"));
        if self.chance.hits(0.5) {
            let World { server, chance, .. } = self;
            server.lose_some(chance);
        }
    }

    /// A process and its ClickHouse and its collector die together.
    pub(super) fn stop_all_in_one(&mut self, back_after_s: i64) {
        let World { server, chance, collectors, .. } = self;
        let done = collectors[0].kill(chance);
        server.kill(0, chance);
        self.note(|| "the whole program is killed".to_owned());
        self.collected(done);
        self.look();
        self.stop(0, back_after_s);
    }
}

/// A shard's seat: whose it is, and since which assignment.
#[derive(Clone)]
pub(super) struct Seat {
    pub(super) sim: Sim,
    pub(super) process: usize,
    pub(super) partition: usize,
    pub(super) fence: u64,
}

impl Seat {
    /// Every step passes here, and may be the last for a while or for good.
    pub(super) async fn step(&self) {
        self.step_with(1.0).await;
    }

    /// A step at which a machine likes to stop.
    pub(super) async fn stumble(&self) {
        self.step_with(8.0).await;
    }

    async fn step_with(&self, risk: f64) {
        let latency = {
            let mut world = self.sim.world();
            let world = &mut *world;
            if world.faults && world.chance.hits(world.nature.clumsy * risk) {
                world.faults_had += 1;
                let back_after_s = world.chance.between(1, 2 * HOUR);
                match (world.nature.embedded, world.chance.hits(0.5)) {
                    (true, _) => world.stop_all_in_one(back_after_s),
                    (false, true) => world.stop(self.process, back_after_s),
                    (false, false) => {
                        let seconds = world.chance.pick(&[HOUR, 3 * HOUR, 8 * HOUR]);
                        world.pause(self.process, seconds);
                    }
                }
            }
            if world.chance.hits(0.5) { world.chance.between(1, 60) as u64 } else { 0 }
        };
        if latency > 0 {
            tokio::time::sleep(Duration::from_millis(latency)).await;
        }
        self.while_paused().await;
    }

    /// A step of which there are so many that stopping at others suffices.
    pub(super) async fn while_paused(&self) {
        let mut was_paused = false;
        while self.sim.world().processes[self.process].is_paused() {
            was_paused = true;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        if was_paused {
            self.sim.world().processes[self.process].awake_from = Some(Instant::now() + Duration::from_secs(2));
        }
        // Aborted, a task ends only where it waits.
        if self.sim.world().processes[self.process].dead_until_s.is_some() {
            std::future::pending::<()>().await;
        }
    }

    pub(super) fn is_former(&self) -> bool {
        self.sim.world().group.fence[self.partition] != self.fence
    }
}

impl Task {
    /// It finishes its batch and goes, or goes at once.
    pub(super) fn tell_to_go(&self, at_once: bool) {
        if at_once {
            self.handle.abort();
        }
        self.stop.store(true, Ordering::Release);
    }
}
