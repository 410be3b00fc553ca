//! `footfall dashboard`: the pages and the stats API over a ClickHouse that aggregators fill.

use std::error::Error;
use std::sync::Arc;

use actix_web::{HttpResponse, web};
use schema::sites::CurrentSites;

use crate::config::Config;
use crate::listen::listen;
use crate::process::{self, stop_signal};
use crate::readers::{dashboard_state, reader_tokens};
use crate::token::{self, NewToken};
use crate::{exporter, log, reach, reload};

/// Runs until SIGTERM or Ctrl-C.
pub(crate) fn run(config: Config) -> Result<(), Box<dyn Error>> {
    log::begin(config.log);
    process::block_on(serve_dashboard(config))
}

async fn serve_dashboard(config: Config) -> Result<(), Box<dyn Error>> {
    let client = super::clickhouse_server(&config)?;
    exporter::begin(config.metrics_listen)?;
    reach::warn_if_unreachable(&client).await;
    let start_token = NewToken::new(token::random()?);
    let sites = Arc::new(CurrentSites::new(config.sites.clone()));
    let dashboard = web::Data::new(dashboard_state(&config, &sites, client, &start_token));
    let dashboard_of_reload = dashboard.clone();
    let server = listen(&config, None, move |routes| {
        routes.route("/healthz/live", web::get().to(HttpResponse::Ok));
        dashboard::http::configure(routes, dashboard.clone());
    })?;
    let (address, token) = (server.address, start_token.text());
    process::print_if_open(&format!(
        "Your dashboard, for as long as this runs:\n\n    http://{address}/#token={token}\n\n"
    ));
    let reload = tokio::spawn(reload::on_hangup(
        config.clone(),
        sites,
        |_| Ok(()),
        move |new, ()| dashboard_of_reload.replace_tokens(reader_tokens(new, &start_token)),
    ));
    let failed = stop_signal().await.err();
    reload.abort();
    server.stop().await?;
    failed.map_or(Ok(()), |error| Err(error.into()))
}
