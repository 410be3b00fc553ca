//! Simulated ClickHouse as the store of a shard. Every request takes time and may be answered late or never. It is
//! executed even if its sender was killed.

use std::collections::BTreeMap;
use std::time::Duration;

use schema::cubes::Cube;
use schema::day::Day;
use schema::round::RoundKey;
use warehouse::{ControlSums, Error, Partition, Result, Rows, Store};

use super::process::Assignment;
use super::server::{Operation, Server, cells};

/// Longest wait for an answer. The calendar may jump meanwhile.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub(super) struct Client {
    assignment: Assignment,
}

impl Client {
    pub(super) fn new(assignment: Assignment) -> Client {
        Client { assignment }
    }

    async fn read<T>(&self, read: impl FnOnce(&Server) -> T) -> Result<T> {
        self.assignment.step().await;
        let answer = {
            let mut world = self.assignment.sim.world();
            let world = &mut *world;
            let is_lost = world.faults && world.chance.happens(world.scenario.lost_answers);
            (world.server.is_up() && !is_lost).then(|| read(&world.server))
        };
        self.assignment.step().await;
        answer.ok_or(Error::TimedOut)
    }

    async fn write(&self, operation: Operation) -> Result<()> {
        self.assignment.step().await;
        let (answered, is_lost) = {
            let mut world = self.assignment.sim.world();
            let world = &mut *world;
            if !world.server.is_up() {
                return Err(Error::TimedOut);
            }
            let delay_s = world.delay_s();
            let is_lost = world.faults && world.chance.happens(world.scenario.lost_answers);
            (world.server.send(operation, delay_s), is_lost)
        };
        // The request is under way. It is executed even if its sender is killed now.
        let ms = self.assignment.sim.world().chance.between(0, 120) as u64;
        tokio::time::sleep(Duration::from_millis(ms)).await;
        self.assignment.step().await;
        let answer = tokio::time::timeout(REQUEST_TIMEOUT, answered).await;
        self.assignment.step().await;
        match answer {
            Ok(Ok(())) if !is_lost => Ok(()),
            _ => Err(Error::TimedOut),
        }
    }
}

impl Store for Client {
    async fn insert(&self, rows: &Rows, shard: u32, generation: u32, token: &str) -> Result<()> {
        let place = (rows.cube, rows.day, rows.round, shard, generation);
        self.write(Operation::Insert(place, cells(rows), token.to_owned())).await
    }

    async fn uptime_s(&self) -> Result<u32> {
        self.read(|server| (super::clock::now_s() - server.up_at) as u32).await
    }

    async fn live_sums(&self, shard: u32, generation: u32) -> Result<BTreeMap<RoundKey, ControlSums>> {
        self.read(|server| server.live_sums(shard, generation)).await
    }

    async fn named_generation(&self, shard: u32) -> Result<u32> {
        self.read(|server| server.named().get(&shard).map_or(0, |(generation, _)| *generation)).await
    }

    async fn highest_generation(&self, shard: u32) -> Result<u32> {
        let of = |server: &Server| server.live.keys().filter(|key| key.3 == shard).map(|key| key.4).max();
        self.read(|server| of(server).unwrap_or(0)).await
    }

    async fn settled_rounds(&self, shard: u32) -> Result<BTreeMap<RoundKey, u32>> {
        let all = self.read(Server::settled).await?;
        Ok(all
            .into_iter()
            .filter(|((_, of), _)| *of == shard)
            .map(|((key, _), generation)| (key, generation))
            .collect())
    }

    async fn name_generation(&self, shard: u32, generation: u32, now_s: i64) -> Result<()> {
        self.assignment.risky_step().await;
        self.write(Operation::Name { shard, generation, at_s: now_s }).await
    }

    async fn settle(&self, key: RoundKey, shard: u32, generation: u32, _: i64) -> Result<()> {
        self.assignment.risky_step().await;
        self.write(Operation::Settle { key, shard, generation }).await
    }

    async fn write_control_sums(
        &self,
        closed_to: Day,
        shard: u32,
        generation: u32,
        _: &BTreeMap<RoundKey, ControlSums>,
    ) -> Result<()> {
        self.write(Operation::Close { shard, generation, closed_to }).await
    }

    async fn partitions(&self) -> Result<Vec<Partition>> {
        self.read(|server| {
            let partition = |&(cube, day, round, shard, generation): &(Cube, Day, u32, u32, u32)| Partition {
                table: cube.label().to_owned(),
                id: format!("{day}-{round}-{shard}-{generation}"),
                key: (day, round),
                shard,
                generation,
                changed_at: 0,
            };
            server.live.keys().map(partition).collect()
        })
        .await
    }

    async fn named_generations(&self) -> Result<BTreeMap<u32, (u32, u32)>> {
        let all = self.read(Server::named).await?;
        Ok(all.into_iter().map(|(shard, (generation, at_s))| (shard, (generation, at_s as u32))).collect())
    }

    async fn drop_partition(&self, partition: &Partition) -> Result<()> {
        let cube = *Cube::ALL.iter().find(|cube| cube.label() == partition.table).expect("a live table");
        let (day, round) = partition.key;
        self.write(Operation::Drop((cube, day, round, partition.shard, partition.generation))).await
    }
}
