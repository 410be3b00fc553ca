//! `footfall dashboard`: the pages and the stats API over a ClickHouse that others fill.

use std::error::Error;
use std::io::Write;
use std::sync::Arc;

use actix_web::{HttpResponse, web};
use schema::sites::CurrentSites;

use crate::answers::{state, tokens};
use crate::config::Config;
use crate::listen::listen;
use crate::process::stopped;
use crate::{exporter, log, reach, reload, token};

/// Runs until it is told to stop.
pub(crate) fn run(config: Config) -> Result<(), Box<dyn Error>> {
    log::begin(config.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(answer(config))
}

async fn answer(config: Config) -> Result<(), Box<dyn Error>> {
    let client = super::server(&config)?;
    exporter::begin(config.metrics_listen)
        .map_err(|error| format!("metrics_listen {}: {error}", config.metrics_listen))?;
    reach::look(&client).await;
    let visit = token::Fresh::new(token::random()?);
    let sites = Arc::new(CurrentSites::new(config.sites.clone()));
    let answers = web::Data::new(state(&config, &sites, client, &visit));
    let asked = answers.clone();
    let server = listen(&config, None, move |routes| {
        routes.route("/healthz/live", web::get().to(HttpResponse::Ok));
        dashboard::http::configure(routes, answers.clone());
    })?;
    let (address, handle) = (server.address, server.handle.clone());
    let listening = tokio::spawn(server.future);
    // Whoever started this may have stopped reading.
    let _unread = writeln!(
        std::io::stdout(),
        "Your dashboard, for as long as this runs:\n\n    http://{address}/#token={}\n",
        visit.text()
    );
    let reload = tokio::spawn(reload::on_hangup(
        config.clone(),
        sites,
        |_| Ok(()),
        move |new, ()| {
            asked.replace_tokens(tokens(new, &visit));
        },
    ));
    let failed = stopped().await.err();
    reload.abort();
    handle.stop(true).await;
    listening.await??;
    failed.map_or(Ok(()), |error| Err(error.into()))
}
