//! `POST /api/hits`: a server sends many hits at once, with a token and an idempotency key.
//!
//! | status | meaning |
//! |---|---|
//! | 200 | all are stored: `{"fates": ["stored", ...]}`, in order |
//! | 207 | some were refused: `"refused: <reason>"`, with a sentence where one helps |
//! | 503 | some could not be stored (`"failed: <fault>"`): send the same body again, with the same key |
//! | 400, 413, 408 | the body is not a list of hits, too long, too slow |
//! | 401 | there is no token, or its table does not allow sending |
//! | 403 | the token is not for this site, or there is no site of that name |
//!
//! A hit is a repeat if a stored hit has the same visitor, day, token, key and index in the list. A repeat is answered
//! as stored, and counted once.

use std::fmt;
use std::sync::Arc;

use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use parking_lot::RwLock;
use schema::clock::now_s;
use schema::fate::Fault;
use schema::sites::Site;
use serde_json::json;

use super::body::BodyLimit;
use super::worker::Worker;
use super::{answer, head, worker};
use crate::accept::server;
use crate::admit;
use crate::collect::server_hit::ServerHitFate;

/// Longest `Idempotency-Key`.
const KEY_BYTES_MAX: usize = 128;
const MANY_HITS: BodyLimit = BodyLimit { bytes_max: server::HITS_BYTES_MAX, why: "the body is longer than 1 MiB" };

/// A server that may send hits.
#[derive(Clone)]
pub struct Sender {
    /// The BLAKE3 of its token.
    pub blake3: blake3::Hash,
    /// Numbers of the sites it may send for.
    pub sites: Vec<u32>,
}

/// All servers that may send hits; a reload of the configuration replaces them.
pub struct Senders(RwLock<Arc<[Sender]>>);

impl Senders {
    /// With the senders of the first configuration.
    pub fn new(senders: Vec<Sender>) -> Senders {
        Senders(RwLock::new(senders.into()))
    }

    /// Replaces all of them.
    pub fn replace(&self, senders: Vec<Sender>) {
        *self.0.write() = senders.into();
    }

    fn get(&self) -> Arc<[Sender]> {
        self.0.read().clone()
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("sites", &self.sites).finish_non_exhaustive()
    }
}

pub(super) fn configure(config: &mut ServiceConfig) {
    config.service(web::resource("/api/hits").route(web::post().to(hits)));
}

async fn hits(request: HttpRequest, payload: Payload) -> HttpResponse {
    let worker = worker(&request);
    let senders = worker.edge.senders.get();
    let Some(sender) = sender_of(&senders, head::text(&request, &header::AUTHORIZATION)) else {
        return reject(StatusCode::UNAUTHORIZED, "send a token that may send hits: Authorization: Bearer TOKEN");
    };
    let Some(key) = idempotency_key(&request) else {
        return reject(StatusCode::BAD_REQUEST, "send an Idempotency-Key of 1 to 128 visible characters");
    };
    let body = match worker.read_body(request.headers(), request.conn_data(), payload.into_inner(), MANY_HITS).await {
        Ok(body) => body,
        Err((refusal, why)) => return answer::refused_event(refusal, why),
    };
    // From here until all hits are appended nothing awaits.
    let hits = match server::parse(&body) {
        Ok(hits) => hits,
        Err(bad) => {
            worker.refuse(bad.refusal());
            return answer::refused_event(bad.refusal(), bad.why());
        }
    };
    let sites = worker.edge.collector.sites.get();
    let site = admit::site(&sites, &hits.site).ok().filter(|site| sender.sites.contains(&site.id));
    let Some(site) = site else {
        return reject(StatusCode::FORBIDDEN, "this token sends for no site of that name");
    };
    // Two servers may choose the same key, so the token is a part of it.
    let key = format!("{}:{key}", sender.blake3.to_hex());
    let mut fates = collect(&worker, &hits, &key, site);
    drop((request, body, worker));
    // The appended hits share one commit, so the last ticket stands for all.
    let last = fates.iter_mut().rev().find_map(|fate| match fate {
        ServerHitFate::Appended(ticket) => Some(ticket),
        ServerHitFate::Refused(..) | ServerHitFate::Failed(_) => None,
    });
    let committed = match last {
        Some(ticket) => ticket.await,
        None => Ok(()),
    };
    let texts: Vec<String> = fates.iter().map(|fate| text_of(fate, committed)).collect();
    let has_failed = texts.iter().any(|fate| fate.starts_with("failed"));
    let status = match (has_failed, fates.iter().all(|fate| matches!(fate, ServerHitFate::Appended(_)))) {
        (true, _) => StatusCode::SERVICE_UNAVAILABLE,
        (false, true) => StatusCode::OK,
        (false, false) => StatusCode::MULTI_STATUS,
    };
    answer::fates(status, &json!({ "fates": texts }))
}

fn collect(worker: &Worker, hits: &server::ServerHits<'_>, key: &str, site: &Site) -> Vec<ServerHitFate> {
    let (mut pipeline, now_s) = (worker.pipeline(), now_s());
    hits.each(key).map(|hit| pipeline.collect_server_hit(hit, site, now_s)).collect()
}

/// A fate in the answer; `committed` is the outcome of the commit that the appended hits share.
fn text_of(fate: &ServerHitFate, committed: Result<(), Fault>) -> String {
    let failed = |fault: Fault| format!("failed: {}", fault.label());
    match fate {
        ServerHitFate::Appended(_) => committed.map_or_else(failed, |()| "stored".to_owned()),
        ServerHitFate::Refused(reason, None) => format!("refused: {}", reason.label()),
        ServerHitFate::Refused(reason, Some(why)) => format!("refused: {} ({why})", reason.label()),
        ServerHitFate::Failed(fault) => failed(*fault),
    }
}

/// The sender with the token of this `Authorization` header. The token is compared with all senders' in constant time.
fn sender_of<'s>(senders: &'s [Sender], authorization: &str) -> Option<&'s Sender> {
    let (scheme, token) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let hash = blake3::hash(token.trim().as_bytes());
    senders.iter().fold(None, |found, sender| if sender.blake3 == hash { Some(sender) } else { found })
}

fn idempotency_key(request: &HttpRequest) -> Option<&str> {
    let key = request.headers().get("idempotency-key")?.to_str().ok()?.trim();
    (1..=KEY_BYTES_MAX).contains(&key.len()).then_some(key)
}

/// The answer to a server that may not send, or not like this. No hit of the body was read, so none is counted.
fn reject(status: StatusCode, why: &'static str) -> HttpResponse {
    let mut answer = answer::line(status, why);
    answer.head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
    answer
}
