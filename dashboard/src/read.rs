//! Rows of ClickHouse: which rounds of a site there are, their bare sums, and the cubes the crowd rule judges.
//!
//! A row counts if its generation is the one `settled` names for its (day, round, shard), or, where that round is not
//! settled, the one `shards` names for its shard. A shard that is not named is not read. This module knows nothing of
//! the crowd: what it returns must not leave the program as it is.

use std::collections::BTreeMap;

use clickhouse::{Client, Row};
use crowd::Cubes;
use schema::cubes::Cube;
use schema::day::Day;
use schema::event::Kind;
use schema::measures::Measure as M;
use serde::Deserialize;

use crate::sources::{Round, RoundSums};

/// Longest a query may run: what stopped counting is kept at least so long.
const QUERY_SECONDS_MAX: u32 = 30;
/// Imports are shards of their own from this number on; they are whole, and never change, once they are named.
const IMPORTS_FROM: u32 = 1000;
/// The rows that count.
const COUNTED: &str = "((day, round, shard, generation) IN \
     (SELECT day, round, shard, min(generation) FROM settled GROUP BY day, round, shard) \
     OR ((shard, generation) IN (SELECT shard, max(generation) FROM shards GROUP BY shard) \
     AND (day, round, shard) NOT IN (SELECT day, round, shard FROM settled)))";

/// The latest date that every shard of the stream has closed: one that lags may still have rows of any later round.
const CLOSED_BY_ALL: &str = "(SELECT min(up_to) FROM (SELECT shards.shard AS s, max(toUInt16(closed.closed_to)) AS up_to \
     FROM shards LEFT JOIN closed ON shards.shard = closed.shard WHERE shards.shard < 1000 GROUP BY s))";

const MEASURES: [M; 6] = [M::Visits, M::Bounces, M::Pageviews, M::Events, M::Seconds, M::Visitors];

/// A day's own events (round 0) or late ones.
pub type RoundKey = (Day, u32);

impl Round {
    /// Its key among the site's rounds.
    pub fn key(&self) -> RoundKey {
        (self.day, self.number)
    }
}

/// Asks ClickHouse.
#[derive(Clone)]
pub struct Reader {
    client: Client,
}

#[derive(Row, Deserialize)]
struct RoundRow {
    day: u16,
    round: u32,
    settled: u8,
    sums: Vec<i64>,
}

#[derive(Row, Deserialize)]
struct CubeRow<'a> {
    day: u16,
    round: u32,
    hour: u32,
    #[serde(borrow)]
    names: Vec<&'a str>,
    sums: Vec<i64>,
}

impl Reader {
    /// Uses this client.
    pub fn new(client: Client) -> Reader {
        Reader { client: client.with_setting("max_execution_time", QUERY_SECONDS_MAX.to_string()) }
    }

    /// The rounds of the days from `first` to `last` in which the site had visits.
    pub async fn rounds(&self, site: u32, first: Day, last: Day) -> clickhouse::error::Result<Vec<Round>> {
        let Some((first, last)) = between(first, last) else { return Ok(vec![]) };
        let query = self.client.query(&rounds_sql());
        let query = (0..3).fold(query, |query, _| query.bind(site).bind(first).bind(last));
        let rows = query.fetch_all::<RoundRow>().await?;
        let round = |row: RoundRow| {
            let (visits, rows) = row.sums.split_at(6);
            let rows = rows.iter().map(|rows| *rows as u64);
            let sums = RoundSums::new(MEASURES.into_iter().zip(visits.iter().copied()), crowd::cubes().zip(rows));
            Round { day: Day(i32::from(row.day)), number: row.round, settled: row.settled == 1, sums }
        };
        Ok(rows.into_iter().map(round).collect())
    }

    /// The first day on which the site had a visit.
    pub async fn first_day(&self, site: u32) -> clickhouse::error::Result<Option<Day>> {
        let sql = format!("SELECT toUInt16(min(day)), count() FROM live_visits WHERE site = ? AND {COUNTED}");
        let (day, rows) = self.client.query(&sql).bind(site).fetch_one::<(u16, u64)>().await?;
        Ok((rows > 0).then_some(Day(i32::from(day))))
    }

    /// The cubes of these rounds: one query per cube.
    pub async fn cubes(&self, site: u32, rounds: &[RoundKey]) -> clickhouse::error::Result<BTreeMap<RoundKey, Cubes>> {
        let mut cubes: BTreeMap<RoundKey, Cubes> = rounds.iter().map(|key| (*key, Cubes::default())).collect();
        let days = || rounds.iter().map(|(day, _)| *day);
        let (Some(first), Some(last)) = (days().min(), days().max()) else { return Ok(cubes) };
        let Some((first, last)) = between(first, last) else { return Ok(cubes) };
        let keys: Vec<(u16, u32)> =
            rounds.iter().filter_map(|(day, round)| Some((day.clickhouse()?, *round))).collect();
        for cube in [Cube::Visits, Cube::Pages, Cube::Events] {
            let query = self.client.query(&cube_sql(cube)).bind(site).bind(first).bind(last).bind(&keys);
            let mut rows = query.fetch::<CubeRow<'_>>()?;
            while let Some(row) = rows.next().await? {
                let Some(of) = cubes.get_mut(&(Day(i32::from(row.day)), row.round)) else { continue };
                of.table_mut(cube).add(row.hour, &row.names, &row.sums);
            }
        }
        Ok(cubes)
    }
}

fn rounds_sql() -> String {
    let of = |cube: Cube, sums: &str| {
        format!(
            "SELECT day, round, toUInt8(min(shard >= {IMPORTS_FROM} OR ((day, round, shard) IN \
             (SELECT day, round, shard FROM settled) AND toUInt16(day) + round <= ifNull({CLOSED_BY_ALL}, 0)))) AS done, \
             [{sums}] AS sums FROM {} \
             WHERE site = ? AND day BETWEEN toDate(?) AND toDate(?) AND {COUNTED} GROUP BY day, round",
            cube.label()
        )
    };
    let visits = "sum(visits), sum(bounces), sum(pageviews), sum(events), sum(seconds), sum(visitors), \
                  toInt64(count()), toInt64(0), toInt64(0)";
    let [none, rows] = ["toInt64(0)", "toInt64(count())"];
    let others = |pages: &str, events: &str| format!("{}, {pages}, {events}", [none; 7].join(", "));
    format!(
        "SELECT day, round, min(done) AS settled, sumForEach(sums) AS sums FROM ({} UNION ALL {} UNION ALL {}) \
         GROUP BY day, round ORDER BY day, round",
        of(Cube::Visits, visits),
        of(Cube::Pages, &others(rows, none)),
        of(Cube::Events, &others(none, rows)),
    )
}

fn cube_sql(cube: Cube) -> String {
    let names: Vec<&str> = cube.dimensions().iter().map(|d| d.label()).collect();
    let sums: Vec<String> = cube.measures().iter().map(|m| format!("sum({})", m.label())).collect();
    let names = names.join(", ");
    let kind = if cube == Cube::Events {
        format!(" AND kind = '{}' AND property = ''", Kind::Custom.label())
    } else {
        String::new()
    };
    format!(
        "SELECT day, round, hour, [{names}] AS names, [{sums}] AS sums FROM {table} \
         WHERE site = ? AND day BETWEEN toDate(?) AND toDate(?) AND (toUInt16(day), round) IN ?{kind} AND {COUNTED} \
         GROUP BY day, round, hour, {names}",
        sums = sums.join(", "),
        table = cube.label(),
    )
}

/// As ClickHouse counts days, cut to those it can have.
fn between(first: Day, last: Day) -> Option<(u16, u16)> {
    let (first, last) = (first.max(Day(0)), last.min(Day(i32::from(u16::MAX))));
    Some((first.clickhouse()?, last.clickhouse()?))
}
