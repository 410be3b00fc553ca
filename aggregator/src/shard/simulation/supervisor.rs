//! Starts processes again, and assigns partitions to them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::clock::now_s;
use super::housekeeping::{close_days, sweep};
use super::process::{Assignment, Ended, Task};
use super::store::Client;
use super::stream::SimulatedStream;
use super::world::{Sim, World};
use crate::fold::Limits;
use crate::shard::sweep::Imports;
use crate::shard::{Inputs, run};
use crate::stream::StreamError;

/// Starts the processes that are due, and assigns the partitions that have no running shard.
pub(super) async fn supervise(sim: &Sim) {
    let (ended, orphans) = {
        let mut world = sim.world();
        let world = &mut *world;
        for process in &mut world.processes {
            process.down_until_s = process.down_until_s.filter(|until| *until > now_s());
        }
        let mut ended = vec![];
        for process in &mut world.processes {
            let is_over = |task: &mut Task| task.handle.is_finished();
            ended.extend(process.tasks.extract_if(.., is_over).map(|task| task.handle));
            // A former owner that is not paused notices at some time that its partition was revoked.
            for task in &process.tasks {
                let is_former = task.is_shard && world.group.assignments[task.partition] != task.assignment;
                if is_former && process.is_able() && world.chance.happens(0.05) {
                    task.revoke(true);
                }
            }
        }
        (ended, orphans(world))
    };
    for handle in ended {
        match handle.await {
            Ok(Ok(()) | Err(StreamError::Fenced | StreamError::Gone { .. })) => {}
            Ok(Err(error)) => sim.world().violated(format!("a shard ended: {error}")),
            Err(error) if error.is_panic() => sim.world().violated(format!("a shard panicked: {error}")),
            Err(_) => {}
        }
    }
    orphans.into_iter().for_each(|partition| assign(sim, partition));
}

/// The partitions without a running shard, and some whose owner is paused.
fn orphans(world: &mut World) -> Vec<usize> {
    let World { owners, processes, group, chance, .. } = world;
    let mut orphans = vec![];
    for (partition, owner) in owners.iter().enumerate() {
        let is_running = owner.is_some_and(|owner| {
            let is_it = |task: &Task| {
                task.is_shard && (task.partition, task.assignment) == (partition, group.assignments[partition])
            };
            processes[owner].tasks.iter().any(is_it)
        });
        let is_replaced = owner.is_some_and(|owner| processes[owner].is_paused()) && chance.happens(0.1);
        if !is_running || is_replaced {
            orphans.push(partition);
        }
    }
    orphans
}

/// Assigns a partition to a process, perhaps to the one that owned it before.
pub(super) fn assign(sim: &Sim, partition: usize) {
    let (assignment, stop) = {
        let mut world = sim.world();
        let world = &mut *world;
        let able: Vec<usize> = (0..world.processes.len()).filter(|at| world.processes[*at].is_able()).collect();
        if able.is_empty() {
            return;
        }
        let process = world.chance.pick(&able);
        if let Some(former) = world.owners[partition].replace(process) {
            // If the former owner is notified, it stops in time. Otherwise it runs on as a zombie.
            let is_notified = world.chance.happens(0.4);
            let drop_now = world.chance.happens(0.5);
            let of_it = |task: &&Task| task.is_shard && task.partition == partition;
            let tasks = world.processes[former].tasks.iter().filter(of_it);
            tasks.filter(|_| is_notified).for_each(|task| task.revoke(drop_now));
        }
        world.group.assignments[partition] += 1;
        let number = world.group.assignments[partition];
        world.note(|| format!("aggregator {process} owns {partition}, assignment {number}"));
        (Assignment { sim: sim.clone(), process, partition, number }, Arc::new(AtomicBool::new(false)))
    };
    let inputs = Inputs {
        shard: partition as u32,
        stream: SimulatedStream::new(assignment.clone()),
        warehouse: Client::new(assignment.clone()),
        engine_starts: None,
        imports: Imports::Unseen,
        limits: Limits::default(),
        stop: Arc::clone(&stop),
        now_s,
    };
    let process = assignment.process;
    let start = |is_shard: bool, handle| {
        let task = Task { partition, assignment: assignment.number, is_shard, stop: Arc::clone(&stop), handle };
        sim.world().processes[process].tasks.push(task);
    };
    start(true, tokio::task::spawn_local(async move { run(inputs).await as Ended }));
    if partition == 0 {
        start(false, tokio::task::spawn_local(close_days(assignment.clone())));
        start(false, tokio::task::spawn_local(sweep(assignment.clone())));
    }
}
