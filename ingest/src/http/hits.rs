//! `POST /api/hits`: servers send many hits at once, with a token and a key that makes the same body sent again count once.
//!
//! | | |
//! |---|---|
//! | 200 | all are stored: `{"fates": ["stored", ...]}`, in order |
//! | 207 | some were refused: `"refused: <reason>"`, with a sentence where one helps |
//! | 503 | some could not be kept (`"failed: <fault>"`): send the same body again, with the same key |
//! | 400, 413, 408 | no hits, too much, too slow |
//! | 401, 403 | no token that sends; not for this site (or there is none of that name) |
//!
//! A hit is a repeat if its visitor, its day, the token, the key and its place in the list are those of one that is stored:
//! it is answered as stored again and counted once.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use schema::clock::now_s;
use schema::fate::Fault;
use schema::sites::Site;
use serde_json::json;

use super::{BodyMax, Worker, answer, head, whole_body, worker};
use crate::accept::server::{HITS_BYTES_MAX, ServerHits, parse};
use crate::admit;
use crate::collect::told::Fate;

/// Longest `Idempotency-Key`.
const KEY_BYTES_MAX: usize = 128;
const MANY_HITS: BodyMax = (HITS_BYTES_MAX, "the body is longer than 1 MiB");

/// A server that may send hits, known by the BLAKE3 of its token.
#[derive(Clone)]
pub struct Sender {
    /// Of the token's text.
    pub blake3: blake3::Hash,
    /// Numbers of the sites it may send for.
    pub sites: Vec<u32>,
}

/// All of them, as they are now.
pub struct Senders(RwLock<Arc<[Sender]>>);

impl Senders {
    /// To begin with.
    pub fn new(senders: Vec<Sender>) -> Senders {
        Senders(RwLock::new(senders.into()))
    }

    /// From now on these.
    pub fn replace(&self, senders: Vec<Sender>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = senders.into();
    }

    fn get(&self) -> Arc<[Sender]> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
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
    let Some(sender) = sender(&senders, head::text(&request, &header::AUTHORIZATION)) else {
        return no(StatusCode::UNAUTHORIZED, "send a token that may send hits: Authorization: Bearer TOKEN");
    };
    let Some(key) = key(&request) else {
        return no(StatusCode::BAD_REQUEST, "send an Idempotency-Key of 1 to 128 visible characters");
    };
    let body = match whole_body(request.headers(), request.conn_data(), payload.into_inner(), MANY_HITS).await {
        Ok(body) => body,
        Err((refusal, why)) => {
            worker.walk.borrow().refuse(refusal, now_s());
            return answer::refused_event(refusal, why);
        }
    };
    // From here to the end of the loop nothing awaits.
    let hits = match parse(&body) {
        Ok(hits) => hits,
        Err(bad) => {
            worker.walk.borrow().refuse(bad.refusal(), now_s());
            return answer::refused_event(bad.refusal(), bad.why());
        }
    };
    let sites = worker.edge.collector.sites.get();
    let site = admit::site(&sites, &hits.site).ok().filter(|site| sender.sites.contains(&site.id));
    let Some(site) = site else {
        return no(StatusCode::FORBIDDEN, "this token sends for no site of that name");
    };
    // Two servers may come upon the same key: it is each one's own.
    let key = format!("{}:{key}", sender.blake3.to_hex());
    let mut fates = walk(&worker, &hits, &key, site);
    drop((request, body, worker));
    // They share a commit, so the last speaks for all.
    let last = fates.iter_mut().rev().find_map(|fate| match fate {
        Fate::Appended(ticket) => Some(ticket),
        Fate::Refused(..) | Fate::Failed(_) => None,
    });
    let kept = match last {
        Some(ticket) => ticket.await,
        None => Ok(()),
    };
    let told: Vec<String> = fates.iter().map(|fate| said(fate, kept)).collect();
    let failed = told.iter().any(|fate| fate.starts_with("failed"));
    let status = match (failed, fates.iter().all(|fate| matches!(fate, Fate::Appended(_)))) {
        (true, _) => StatusCode::SERVICE_UNAVAILABLE,
        (false, true) => StatusCode::OK,
        (false, false) => StatusCode::MULTI_STATUS,
    };
    answer::fates(status, &json!({ "fates": told }))
}

/// Walks them all.
fn walk(worker: &Worker, hits: &ServerHits<'_>, key: &str, site: &Site) -> Vec<Fate> {
    let (mut walk, now_s) = (worker.walk.borrow_mut(), now_s());
    let each = hits.each(key).map(|told| {
        walk.begin();
        walk.told(told, site, now_s)
    });
    each.collect()
}

/// What a fate is called; `kept` is the outcome of the commit that the appended ones share.
fn said(fate: &Fate, kept: Result<(), Fault>) -> String {
    let failed = |fault: Fault| format!("failed: {}", fault.label());
    match fate {
        Fate::Appended(_) => kept.map_or_else(failed, |()| "stored".to_owned()),
        Fate::Refused(reason, None) => format!("refused: {}", reason.label()),
        Fate::Refused(reason, Some(why)) => format!("refused: {} ({why})", reason.label()),
        Fate::Failed(fault) => failed(*fault),
    }
}

/// Whose token it is. All are compared, each in constant time.
fn sender<'s>(senders: &'s [Sender], header: &str) -> Option<&'s Sender> {
    let (scheme, token) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let hash = blake3::hash(token.trim().as_bytes());
    senders.iter().fold(None, |found, sender| if sender.blake3 == hash { Some(sender) } else { found })
}

fn key(request: &HttpRequest) -> Option<&str> {
    let key = request.headers().get("idempotency-key")?.to_str().ok()?.trim();
    (1..=KEY_BYTES_MAX).contains(&key.len()).then_some(key)
}

/// To who may not send, or not so. Nothing was read of the body, so nothing is counted.
fn no(status: StatusCode, why: &'static str) -> HttpResponse {
    let mut answer = answer::line(status, why);
    answer.head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
    answer
}
