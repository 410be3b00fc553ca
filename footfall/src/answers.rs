//! What the dashboard needs of the configuration: who may ask.

use std::sync::Arc;

use schema::sites::Sites;

use crate::config::Config;
use crate::token;

/// Sites and tokens, and one more token for whoever started this.
pub(crate) fn state(
    config: &Config,
    sites: &Arc<Sites>,
    client: clickhouse::Client,
    visit: &token::Fresh,
) -> dashboard::http::State {
    let tokens = config.tokens.iter().map(|token| dashboard::auth::Token {
        name: token.name.clone(),
        sites: token.sites.clone(),
        blake3: token.blake3,
        live: token.live,
    });
    // The link printed at the start: every site, for as long as this process lives.
    let here = dashboard::auth::Token {
        name: "this start".to_owned(),
        sites: sites.iter().map(|site| site.id).collect(),
        blake3: visit.hash(),
        live: true,
    };
    dashboard::http::State::new(Sites::clone(sites), tokens.chain([here]).collect(), config.live_step, client)
}
