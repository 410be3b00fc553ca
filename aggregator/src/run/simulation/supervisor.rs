//! Who owns what, and what goes wrong.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::caretaker::{care, sweep};
use super::clock::{HOUR, now_s};
use super::nature::Fault;
use super::process::{Ended, Seat, Task};
use super::store::Client;
use super::stream::Partition;
use super::world::{Sim, World};
use crate::fold::Limits;
use crate::read::StreamError;
use crate::run::{Inputs, run};
use crate::sweep::Imports;

/// Processes come back, and partitions without a shard get one.
pub(super) async fn supervise(sim: &Sim) {
    let (ended, orphans) = {
        let mut world = sim.world();
        let world = &mut *world;
        for process in &mut world.processes {
            process.dead_until_s = process.dead_until_s.filter(|until| *until > now_s());
        }
        let mut ended = vec![];
        for process in &mut world.processes {
            let is_over = |task: &mut Task| task.handle.is_finished();
            ended.extend(process.tasks.extract_if(.., is_over).map(|task| task.handle));
            // A former owner that is awake learns of it some time.
            for task in &process.tasks {
                let is_former = task.is_shard && world.group.fence[task.partition] != task.fence;
                if is_former && process.is_able() && world.chance.hits(0.05) {
                    task.tell_to_go(true);
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

/// Partitions without a shard, or whose owner has paused long enough to be missed.
fn orphans(world: &mut World) -> Vec<usize> {
    let World { owners, processes, group, chance, .. } = world;
    let mut orphans = vec![];
    for (partition, owner) in owners.iter().enumerate() {
        let is_at_work = owner.is_some_and(|owner| {
            let is_it =
                |task: &Task| task.is_shard && (task.partition, task.fence) == (partition, group.fence[partition]);
            processes[owner].tasks.iter().any(is_it)
        });
        let is_missed = owner.is_some_and(|owner| processes[owner].is_paused()) && chance.hits(0.1);
        if !is_at_work || is_missed {
            orphans.push(partition);
        }
    }
    orphans
}

/// Another process, or the same again, becomes a partition's owner.
pub(super) fn assign(sim: &Sim, partition: usize) {
    let (seat, stop) = {
        let mut world = sim.world();
        let world = &mut *world;
        let able: Vec<usize> = (0..world.processes.len()).filter(|at| world.processes[*at].is_able()).collect();
        if able.is_empty() {
            return;
        }
        let process = world.chance.pick(&able);
        if let Some(former) = world.owners[partition].replace(process) {
            // Told in time, it is no zombie.
            let is_told = world.chance.hits(0.4);
            let at_once = world.chance.hits(0.5);
            let of_it = |task: &&Task| task.is_shard && task.partition == partition;
            let tasks = world.processes[former].tasks.iter().filter(of_it);
            tasks.filter(|_| is_told).for_each(|task| task.tell_to_go(at_once));
        }
        world.group.fence[partition] += 1;
        let fence = world.group.fence[partition];
        world.note(|| format!("aggregator {process} owns {partition}, assignment {fence}"));
        (Seat { sim: sim.clone(), process, partition, fence }, Arc::new(AtomicBool::new(false)))
    };
    let inputs = Inputs {
        shard: partition as u32,
        stream: Partition::new(seat.clone()),
        warehouse: Client::new(seat.clone()),
        engine_lives: None,
        imports: Imports::Unseen,
        limits: Limits::default(),
        stop: Arc::clone(&stop),
        now_s,
    };
    let process = seat.process;
    let start = |is_shard: bool, handle| {
        let task = Task { partition, fence: seat.fence, is_shard, stop: Arc::clone(&stop), handle };
        sim.world().processes[process].tasks.push(task);
    };
    start(true, tokio::task::spawn_local(async move { run(inputs).await as Ended }));
    if partition == 0 {
        start(false, tokio::task::spawn_local(care(seat.clone())));
        start(false, tokio::task::spawn_local(sweep(seat.clone())));
    }
}

/// Now and then something goes wrong.
pub(super) fn go_wrong(sim: &Sim) {
    let reassigned = {
        let mut world = sim.world();
        let world = &mut *world;
        if !world.faults || !world.chance.hits(world.nature.fault_rate) {
            return;
        }
        world.faults_had += 1;
        let fault = world.nature.fault(&mut world.chance);
        suffer(world, fault)
    };
    if let Some(partition) = reassigned {
        assign(sim, partition);
    }
}

/// Returns a partition that gets another owner.
fn suffer(world: &mut World, fault: Fault) -> Option<usize> {
    let process = world.chance.below(world.processes.len());
    let partition = world.chance.below(world.logs.len());
    if world.nature.embedded {
        if matches!(fault, Fault::KillAggregator | Fault::KillServer | Fault::KillCollector) {
            let seconds = world.chance.between(1, HOUR);
            world.stop_all_in_one(seconds);
        }
        return None;
    }
    match fault {
        Fault::KillAggregator => {
            let seconds = world.chance.between(1, 2 * HOUR);
            world.stop(process, seconds);
        }
        Fault::PauseAggregator => {
            let seconds = world.chance.pick(&[HOUR / 4, HOUR, 3 * HOUR, 8 * HOUR]);
            world.pause(process, seconds);
        }
        Fault::Rebalance => return Some(partition),
        Fault::KillServer | Fault::ServerAway => {
            let short = [1, 5, 20, HOUR / 2];
            let long = [2 * HOUR, 7 * HOUR, 26 * HOUR];
            let seconds = world.chance.pick(if fault == Fault::KillServer { &short[..] } else { &long[..] });
            world.note(|| format!("clickhouse killed, away for {seconds} s"));
            let World { server, chance, .. } = world;
            server.kill(seconds, chance);
            world.look();
        }
        Fault::KillCollector => {
            let at = world.chance.below(world.collectors.len());
            world.collectors[at].is_doomed = true;
        }
        Fault::SilenceCollector => {
            let at = world.chance.below(world.collectors.len());
            let hours = world.chance.pick(&[2, 10, 40]);
            world.collectors[at].silent_until_s = now_s() + hours * HOUR;
            world.note(|| format!("collector {at} cannot reach the stream for {hours} h"));
        }
        Fault::LoseCommit => {
            // Mostly where it hurts: while a generation is committed and not named.
            let named = world.server.named();
            let is_new = |at: &usize| {
                let generation = world.group.saved[*at].as_ref().map_or(0, |intent| intent.generation);
                generation > named.get(&(*at as u32)).map_or(0, |(generation, _)| *generation)
            };
            let partition = (0..world.logs.len()).find(is_new).unwrap_or(partition);
            world.group.saved[partition] = None;
            world.note(|| format!("the commit of {partition} is lost"));
            return world.chance.hits(0.7).then_some(partition);
        }
        Fault::OldCommit => {
            // Kafka's brokers fail, and of the rest nothing goes on: against a commit that goes back while its owner
            // inserts, nothing helps before the sums are compared.
            (0..world.processes.len()).for_each(|process| world.stop(process, HOUR));
            world.server.kill(1, &mut world.chance);
            world.look();
            let World { group, chance, .. } = world;
            group.go_back(partition, chance);
            let left = world.group.saved[partition].as_ref().map(|intent| (intent.offset, intent.generation));
            world.note(|| format!("an older commit of {partition} came back: {left:?}"));
        }
        Fault::Outage => {
            for process in 0..world.processes.len() {
                let hours = world.chance.pick(&[8, 20, 30]);
                world.stop(process, hours * HOUR);
            }
        }
    }
    None
}
