//! What the dashboard needs of the configuration: who may ask.

use std::sync::Arc;

use dashboard::{ApiToken, StatsApi};
use schema::sites::CurrentSites;

use crate::config::Config;
use crate::token;

/// Sites and tokens, and one more token for whoever started this.
pub(crate) fn state(
    config: &Config,
    sites: &Arc<CurrentSites>,
    client: clickhouse::Client,
    visit: &token::Fresh,
) -> StatsApi {
    StatsApi::new(Arc::clone(sites), tokens(config, visit), config.live_step, client)
}

/// Those of the file, and the link printed at the start: every site, for as long as this process lives.
pub(crate) fn tokens(config: &Config, visit: &token::Fresh) -> Vec<ApiToken> {
    let of_file = config.tokens.iter().filter(|token| !token.send).map(|token| ApiToken {
        name: token.name.clone(),
        sites: token.sites.clone(),
        blake3: token.blake3,
        live: token.live,
    });
    let here = ApiToken {
        name: "this start".to_owned(),
        sites: config.sites.iter().map(|site| site.id).collect(),
        blake3: visit.hash(),
        live: true,
    };
    of_file.chain([here]).collect()
}
