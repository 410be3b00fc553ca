//! A reader: its query reads `shards` and `settled` first, and each table some time later. The hits that it finds for a
//! day are at least those that were visible at its begin, and at most those that are visible at its end.

use std::time::Duration;

use schema::cubes::Cube;
use warehouse::QUERY_SECONDS_MAX;

use super::clock::now_s;
use super::log::Hits;
use super::world::Sim;

pub(super) async fn read(sim: Sim) {
    loop {
        let (begun, before, counted) = {
            let world = sim.world();
            (now_s(), world.shown.clone(), world.server.counted().clone())
        };
        let mut seen = Hits::new();
        for cube in [Cube::Pages, Cube::Events, Cube::Fates] {
            let ms = sim.world().chance.between(100, 10_000);
            tokio::time::sleep(Duration::from_millis(ms as u64)).await;
            seen.extend(sim.world().hits(&counted).into_iter().filter(|((of, _), _)| *of == cube));
        }
        if now_s() - begun <= i64::from(QUERY_SECONDS_MAX) {
            let mut world = sim.world();
            let world = &mut *world;
            for (key, hits) in &seen {
                let most = world.shown.get(key).copied().unwrap_or(0);
                if *hits > most {
                    let what = format!("a reader saw {hits} in {} of {}, and {most} is true", key.0.label(), key.1);
                    world.violated(what);
                }
            }
            for (key, least) in &before {
                let hits = seen.get(key).copied().unwrap_or(0);
                if hits < *least {
                    let what = format!("a reader saw {hits} in {} of {}, and {least} was true", key.0.label(), key.1);
                    world.violated(what);
                }
            }
        }
    }
}
