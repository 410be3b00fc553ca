//! Faults: what fails, and what that does to the world.

use super::clock::{HOUR, now_s};
use super::scenario::Fault;
use super::supervisor::assign;
use super::world::{Sim, World};

/// Injects a fault, at the rate of the scenario.
pub(super) fn inject_faults(sim: &Sim) {
    let reassigned = {
        let mut world = sim.world();
        let world = &mut *world;
        if !world.faults || !world.chance.happens(world.scenario.fault_rate) {
            return;
        }
        world.faults_had += 1;
        let fault = world.scenario.fault(&mut world.chance);
        apply(world, fault)
    };
    if let Some(partition) = reassigned {
        assign(sim, partition);
    }
}

/// Applies a fault. Returns a partition that must be assigned again, if there is one.
fn apply(world: &mut World, fault: Fault) -> Option<usize> {
    let process = world.chance.below(world.processes.len());
    let partition = world.chance.below(world.logs.len());
    if world.scenario.embedded {
        if matches!(fault, Fault::KillAggregator | Fault::KillServer | Fault::KillCollector) {
            let seconds = world.chance.between(1, HOUR);
            world.kill_embedded(seconds);
        }
        return None;
    }
    match fault {
        Fault::KillAggregator => {
            let seconds = world.chance.between(1, 2 * HOUR);
            world.kill_process(process, seconds);
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
            world.check_server();
        }
        Fault::KillCollector => {
            let at = world.chance.below(world.collectors.len());
            world.collectors[at].kill_soon = true;
        }
        Fault::SilenceCollector => {
            let at = world.chance.below(world.collectors.len());
            let hours = world.chance.pick(&[2, 10, 40]);
            world.collectors[at].silent_until_s = now_s() + hours * HOUR;
            world.note(|| format!("collector {at} cannot reach the stream for {hours} h"));
        }
        Fault::LoseCommit => {
            // Preferably of a partition whose generation is committed and not named.
            let named = world.server.named();
            let is_new = |at: &usize| {
                let generation = world.group.saved[*at].as_ref().map_or(0, |intent| intent.generation);
                generation > named.get(&(*at as u32)).map_or(0, |(generation, _)| *generation)
            };
            let partition = (0..world.logs.len()).find(is_new).unwrap_or(partition);
            world.group.saved[partition] = None;
            world.note(|| format!("the commit of {partition} is lost"));
            return world.chance.happens(0.7).then_some(partition);
        }
        Fault::OldCommit => {
            // The brokers fail, and all other processes stop. Against a commit that is replaced by an older one while
            // its owner inserts, only the comparison of the sums would help.
            (0..world.processes.len()).for_each(|process| world.kill_process(process, HOUR));
            world.server.kill(1, &mut world.chance);
            world.check_server();
            let World { group, chance, .. } = world;
            group.restore_older(partition, chance);
            let restored = world.group.saved[partition].as_ref().map(|intent| (intent.offset, intent.generation));
            world.note(|| format!("an older commit of {partition} came back: {restored:?}"));
        }
        Fault::Outage => {
            for process in 0..world.processes.len() {
                let hours = world.chance.pick(&[8, 20, 30]);
                world.kill_process(process, hours * HOUR);
            }
        }
    }
    None
}
