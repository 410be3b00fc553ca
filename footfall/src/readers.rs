//! What the dashboard needs of the configuration: the sites, and the tokens of those who may read.

use std::sync::Arc;

use dashboard::{ApiToken, StatsApi};
use schema::sites::CurrentSites;

use crate::config::Config;
use crate::token::NewToken;

/// The dashboard's state: the sites, the reader tokens, and the ClickHouse that it asks.
pub(crate) fn dashboard_state(
    config: &Config,
    sites: &Arc<CurrentSites>,
    client: clickhouse::Client,
    start_token: &NewToken,
) -> StatsApi {
    StatsApi::new(Arc::clone(sites), reader_tokens(config, start_token), config.live_step, client)
}

/// The reader tokens of the file, and `start_token`, which reads every site for as long as this process runs.
pub(crate) fn reader_tokens(config: &Config, start_token: &NewToken) -> Vec<ApiToken> {
    let of_file = config.tokens.iter().filter(|token| !token.send).map(|token| ApiToken {
        name: token.name.clone(),
        sites: token.sites.clone(),
        blake3: token.blake3,
        live: token.live,
    });
    let of_this_start = ApiToken {
        name: "this start".to_owned(),
        sites: config.sites.iter().map(|site| site.id).collect(),
        blake3: start_token.hash(),
        live: true,
    };
    of_file.chain([of_this_start]).collect()
}
