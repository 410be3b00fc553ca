//! One run, from its first tick to its last check.

use super::clock::{self, DAY, HOUR, now_s};
use super::faults::inject_faults;
use super::laws::{self, Law};
use super::reader;
use super::supervisor::supervise;
use super::world::{Sim, TICK, World};
use crate::shard::rules::Rule;

const ACTIVE_DAYS: i64 = 3;
/// Without faults, a state must be reached within so many ticks.
const TICKS_MAX: usize = 6000;

/// The result of a run.
pub(super) struct Outcome {
    pub(super) violation: Option<String>,
    pub(super) faults: u64,
    pub(super) stored: usize,
    pub(super) generations: u32,
    pub(super) trace: Vec<String>,
}

/// Runs a seed with these laws and rules switched off.
pub(super) fn play(seed: u64, without: (&[Law], &[Rule]), tracing: bool) -> Outcome {
    laws::switch_off(without.0, without.1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let local = tokio::task::LocalSet::new();
    let outcome = local.block_on(&runtime.expect("a runtime of one thread"), async {
        clock::begin();
        let sim = Sim::new(seed, tracing);
        tokio::task::spawn_local(reader::read(sim.clone()));
        // An error is a violation, and the world has recorded it.
        drop(Box::pin(phases(&sim)).await);
        let mut world = sim.world();
        Outcome {
            violation: world.violation.clone(),
            faults: world.faults_had,
            stored: world.stored.len(),
            generations: world.server.named().values().map(|(generation, _)| *generation).sum(),
            trace: world.take_trace(),
        }
    });
    laws::switch_off(&[], &[]);
    outcome
}

struct Violated;

async fn phases(sim: &Sim) -> Result<(), Violated> {
    let end = now_s() + ACTIVE_DAYS * DAY;
    while now_s() < end {
        tick(sim).await?;
    }
    end_faults(&mut sim.world());
    wait_until(sim, "folded", World::is_folded).await?;
    clock::jump(2 * DAY);
    wait_until(sim, "settled", World::is_settled).await?;
    sim.world().check_settled();
    sim.world().check_closes();
    // Another recovery needs nothing below S,
    let processes = sim.world().processes.len();
    (0..processes).for_each(|process| sim.world().kill_process(process, 0));
    // nor the commits.
    {
        let mut world = sim.world();
        if !world.scenario.embedded && world.chance.happens(0.5) {
            world.group.saved.fill(None);
        }
    }
    wait_until(sim, "settled and started again", World::is_settled).await?;
    sim.world().check_closes();
    clock::jump(2 * DAY);
    wait_until(sim, "swept", |world| world.is_settled() && world.is_swept()).await
}

/// Ends all faults, and the collection of new events.
fn end_faults(world: &mut World) {
    world.note(|| "--- no more faults".to_owned());
    (world.faults, world.collecting) = (false, false);
    for process in &mut world.processes {
        process.wake();
        process.down_until_s = process.down_until_s.map(|_| now_s());
    }
    world.collectors.iter_mut().for_each(|collector| collector.silent_until_s = 0);
    world.server.up_at = world.server.up_at.min(now_s());
}

async fn tick(sim: &Sim) -> Result<(), Violated> {
    sim.world().step();
    inject_faults(sim);
    supervise(sim).await;
    tokio::time::sleep(TICK).await;
    let mut world = sim.world();
    if world.chance.happens(0.007) {
        clock::jump(world.chance.between(HOUR / 2, 3 * HOUR / 2));
    }
    if world.violation.is_some() { Err(Violated) } else { Ok(()) }
}

/// Waits until the state is reached and has lasted for a while. Then all sums must be right.
async fn wait_until(sim: &Sim, what: &str, is_reached: impl Fn(&World) -> bool) -> Result<(), Violated> {
    let mut since = 0;
    for _ in 0..TICKS_MAX {
        tick(sim).await?;
        since = if is_reached(&sim.world()) { since + 1 } else { 0 };
        if since > 30 {
            sim.world().note(|| format!("--- {what}"));
            sim.world().check_everything(what);
            return if sim.world().violation.is_some() { Err(Violated) } else { Ok(()) };
        }
    }
    sim.world().violated(format!("the state \"{what}\" was never reached"));
    Err(Violated)
}
