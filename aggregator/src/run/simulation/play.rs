//! One seed's run from its first moment to its last check.

use super::clock::{self, DAY, HOUR, now_s};
use super::laws::{self, Law};
use super::reader;
use super::supervisor::{go_wrong, supervise};
use super::world::{MOMENT, Sim, World};
use crate::run::rules::Rule;

const ACTIVE_DAYS: i64 = 3;
/// So many moments a quiet world may take to get somewhere.
const PATIENCE: usize = 6000;

/// How a run went.
pub(super) struct Outcome {
    pub(super) violation: Option<String>,
    pub(super) faults: u64,
    pub(super) stored: usize,
    pub(super) generations: u32,
    pub(super) trace: Vec<String>,
}

/// Runs a seed without these laws and rules.
pub(super) fn play(seed: u64, without: (&[Law], &[Rule]), tracing: bool) -> Outcome {
    laws::let_go(without.0, without.1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let local = tokio::task::LocalSet::new();
    let outcome = local.block_on(&runtime.expect("a runtime of one thread"), async {
        clock::begin();
        let sim = Sim::new(seed, tracing);
        tokio::task::spawn_local(reader::read(sim.clone()));
        // It ends early only with a violation.
        drop(Box::pin(acts(&sim)).await);
        let mut world = sim.world();
        Outcome {
            violation: world.violation.clone(),
            faults: world.faults_had,
            stored: world.stored.len(),
            generations: world.server.named().values().map(|(generation, _)| *generation).sum(),
            trace: world.take_trace(),
        }
    });
    laws::let_go(&[], &[]);
    outcome
}

struct Violated;

async fn acts(sim: &Sim) -> Result<(), Violated> {
    let end = now_s() + ACTIVE_DAYS * DAY;
    while now_s() < end {
        moment(sim).await?;
    }
    calm(&mut sim.world());
    reach(sim, "folded", World::is_folded).await?;
    clock::jump(2 * DAY);
    reach(sim, "settled", World::is_settled).await?;
    sim.world().check_settled();
    sim.world().check_closes();
    // Nothing below S is needed by one more recovery.
    let processes = sim.world().processes.len();
    (0..processes).for_each(|process| sim.world().stop(process, 0));
    // Nor is what was committed.
    {
        let mut world = sim.world();
        if !world.nature.embedded && world.chance.hits(0.5) {
            world.group.saved.fill(None);
        }
    }
    reach(sim, "settled and started again", World::is_settled).await?;
    sim.world().check_closes();
    clock::jump(2 * DAY);
    reach(sim, "swept", |world| world.is_settled() && world.is_swept()).await
}

/// Nothing goes wrong any more, and nothing new comes.
fn calm(world: &mut World) {
    world.note(|| "--- quiet".to_owned());
    (world.faults, world.collecting) = (false, false);
    for process in &mut world.processes {
        process.wake();
        process.dead_until_s = process.dead_until_s.map(|_| now_s());
    }
    world.collectors.iter_mut().for_each(|collector| collector.silent_until_s = 0);
    world.server.up_at = world.server.up_at.min(now_s());
}

async fn moment(sim: &Sim) -> Result<(), Violated> {
    sim.world().step();
    go_wrong(sim);
    supervise(sim).await;
    tokio::time::sleep(MOMENT).await;
    let mut world = sim.world();
    if world.chance.hits(0.007) {
        clock::jump(world.chance.between(HOUR / 2, 3 * HOUR / 2));
    }
    if world.violation.is_some() { Err(Violated) } else { Ok(()) }
}

/// Waits until it is so, and has been for a while; then everything must add up.
async fn reach(sim: &Sim, what: &str, is_so: impl Fn(&World) -> bool) -> Result<(), Violated> {
    let mut since = 0;
    for _ in 0..PATIENCE {
        moment(sim).await?;
        since = if is_so(&sim.world()) { since + 1 } else { 0 };
        if since > 30 {
            sim.world().note(|| format!("--- {what}"));
            sim.world().check_everything(what);
            return if sim.world().violation.is_some() { Err(Violated) } else { Ok(()) };
        }
    }
    sim.world().violated(format!("it was never {what}"));
    Err(Violated)
}
