//! SQL fragments: which rows of a live table count, and which of them are final. Every query of the read side uses
//! these.
//!
//! The fragments name columns of the live table that the query reads: `day`, `round`, `shard`, `generation`.

use schema::round::IMPORT_SHARD_MIN;

/// A condition: the row counts.
///
/// A row counts if its generation is the one that `settled` names for its (day, round, shard). If that round is not
/// settled, a row counts if its generation is the one that `shards` names for its shard. Rows of a shard that has no
/// named generation do not count.
pub(crate) const COUNTED: &str = "((day, round, shard, generation) IN \
     (SELECT day, round, shard, min(generation) FROM settled GROUP BY day, round, shard) \
     OR ((shard, generation) IN (SELECT shard, max(generation) FROM shards GROUP BY shard) \
     AND (day, round, shard) NOT IN (SELECT day, round, shard FROM settled)))";

/// A condition: the row, which counts, is final.
///
/// Rows of an import are final, because an import never changes after its shard is named. A row of the stream is final
/// if its shard settled its round, and every shard of the stream has folded the close that ends the round: a shard that
/// lags may still have rows of any later round.
pub(crate) fn is_final() -> String {
    let closed_by_all = closed_by_all();
    format!(
        "(shard >= {IMPORT_SHARD_MIN} OR ((day, round, shard) IN (SELECT day, round, shard FROM settled) \
         AND {}))",
        is_over(&closed_by_all)
    )
}

/// A condition: the round takes no more events once `close` (days since 1970-01-01) is folded. `schema::round::is_over`
/// in SQL.
fn is_over(close: &str) -> String {
    format!("toUInt16(day) + round <= {close}")
}

/// The latest date that every shard of the stream has closed, as days since 1970-01-01; 0 if there is none.
fn closed_by_all() -> String {
    format!(
        "ifNull((SELECT min(up_to) FROM (SELECT shards.shard AS s, max(toUInt16(closed.closed_to)) AS up_to \
         FROM shards LEFT JOIN closed ON shards.shard = closed.shard WHERE shards.shard < {IMPORT_SHARD_MIN} \
         GROUP BY s)), 0)"
    )
}
