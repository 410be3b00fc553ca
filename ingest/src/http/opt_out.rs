//! `/opt-out`: the page on which people see whether they are counted, and say that they do not want to be.
//!
//! | | |
//! |---|---|
//! | `GET /opt-out` | the page, French or English by `Accept-Language` or `?lang=fr`; works without scripts |
//! | `POST /opt-out` `choice=out`, `choice=in` | sets or removes the cookie, and goes back to the page (303) |
//! | `GET /opt-out/status` | `{"opted_out": bool, "gpc": bool, "dnt": bool, "counted": bool}` |
//!
//! The cookie is `footfall_optout=1`, for 13 months, on the host that was asked: a site serves this path from its own. It
//! is the same for everyone, so it identifies no one. Who has it already does not get it again: 13 months are 13 months.
//! It may be read by the tracker (not `HttpOnly`), which then sends nothing, and travels over plain HTTP too (not
//! `Secure`): there is nothing in it to hide, and an objection must not get lost. Other sites cannot press the button:
//! browsers say where a form was (`Sec-Fetch-Site`, `Origin`).

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Form;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

use super::head;
use crate::admit::Wishes;

/// 13 months of at most 31, 28 and 30 days: 395 days.
const SET: &str = "footfall_optout=1; Max-Age=34128000; Path=/; SameSite=Lax";
const REMOVE: &str = "footfall_optout=; Max-Age=0; Path=/; SameSite=Lax";
/// Nothing but this page itself; it may stand in a frame of a privacy policy.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'";

/// What people choose.
#[derive(Deserialize)]
pub(super) struct Chosen {
    choice: Choice,
    #[serde(default)]
    lang: String,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Choice {
    Out,
    In,
}

#[derive(Serialize)]
struct Status {
    opted_out: bool,
    gpc: bool,
    dnt: bool,
    counted: bool,
}

/// The page.
pub(super) async fn page(request: HttpRequest) -> HttpResponse {
    let words = words(&request, "");
    let Wishes { opt_out, gpc, dnt, .. } = head::wishes(request.headers());
    let state = match (opt_out, gpc, dnt) {
        (true, ..) => words.out,
        (false, true, _) => words.gpc,
        (false, false, true) => words.dnt,
        (false, false, false) => words.counted,
    };
    let (choice, button) = if opt_out { ("in", words.come_back) } else { ("out", words.object) };
    let Words { lang, title, what, .. } = words;
    let text = format!(
        "<!doctype html><html lang=\"{lang}\"><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"robots\" content=\"noindex\">\
         <style>{STYLE}</style><main><h1>{title}</h1><p role=\"status\"><strong>{state}</strong></p><p>{what}</p>\
         <form method=\"post\"><input type=\"hidden\" name=\"lang\" value=\"{lang}\">\
         <button name=\"choice\" value=\"{choice}\">{button}</button></form></main></html>"
    );
    let mut answer = HttpResponse::Ok().content_type("text/html; charset=utf-8").body(text);
    guarded(&mut answer);
    answer
}

const STYLE: &str = ":root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;margin:0;padding:1.5rem}\
    main{max-width:36rem;margin:auto}h1{font-size:1.4rem}button{font:inherit;padding:.6rem 1rem;min-height:44px}";

/// The button.
pub(super) async fn choose(request: HttpRequest, chosen: Result<Form<Chosen>, actix_web::Error>) -> HttpResponse {
    let Ok(Form(Chosen { choice, lang })) = chosen else {
        return super::answer::line(StatusCode::BAD_REQUEST, "choice is `out` or `in`");
    };
    if !is_our_page(&request) {
        return super::answer::line(StatusCode::FORBIDDEN, "only this site's own page can ask for this");
    }
    let has_it = head::wishes(request.headers()).opt_out;
    let lang = words(&request, &lang).lang;
    let mut answer = HttpResponse::SeeOther();
    // Relative to the page, wherever a proxy has put it.
    answer.insert_header((header::LOCATION, format!("?lang={lang}")));
    match (choice, has_it) {
        (Choice::Out, false) => answer.insert_header((header::SET_COOKIE, SET)),
        (Choice::In, true) => answer.insert_header((header::SET_COOKIE, REMOVE)),
        (Choice::Out, true) | (Choice::In, false) => &mut answer,
    };
    let mut answer = answer.finish();
    guarded(&mut answer);
    answer
}

/// Whether someone is counted, for scripts of the site's own pages and for whoever wants to check.
pub(super) async fn status(request: HttpRequest) -> HttpResponse {
    let Wishes { opt_out, gpc, dnt, .. } = head::wishes(request.headers());
    let status = Status { opted_out: opt_out, gpc, dnt, counted: !(opt_out || gpc || dnt) };
    let mut answer = HttpResponse::Ok().json(status);
    guarded(&mut answer);
    answer
}

fn guarded(answer: &mut HttpResponse) {
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// Browsers that say nothing are believed: they are old, or no browsers.
fn is_our_page(request: &HttpRequest) -> bool {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin")) {
        (Some(from), _) => matches!(from, "same-origin" | "none"),
        // `null` is what a page sends that keeps its address to itself, as this one does.
        (None, Some("null") | None) => true,
        (None, Some(origin)) => origin.split_once("://").map(|(_, host)| host) == text("host"),
    }
}

struct Words {
    lang: &'static str,
    title: &'static str,
    counted: &'static str,
    out: &'static str,
    gpc: &'static str,
    dnt: &'static str,
    what: &'static str,
    object: &'static str,
    come_back: &'static str,
}

const ENGLISH: Words = Words {
    lang: "en",
    title: "Audience measurement on this site",
    counted: "Your visits to this site are counted.",
    out: "You objected: your visits are not counted.",
    gpc: "Your browser sends Global Privacy Control: your visits are not counted.",
    dnt: "Your browser sends Do Not Track: your visits are not counted.",
    what: "This site counts its visits without cookies, and keeps no address and nothing else that tells who you are. \
           If you object, one cookie that is the same for everyone remembers it in this browser for 13 months; it is \
           not prolonged. You may come back to this page at any time.",
    object: "Do not count my visits",
    come_back: "Count my visits again",
};

const FRENCH: Words = Words {
    lang: "fr",
    title: "Mesure d’audience de ce site",
    counted: "Vos visites sur ce site sont comptées.",
    out: "Vous vous êtes opposé(e) : vos visites ne sont pas comptées.",
    gpc: "Votre navigateur envoie le signal « Global Privacy Control » : vos visites ne sont pas comptées.",
    dnt: "Votre navigateur envoie le signal « Do Not Track » : vos visites ne sont pas comptées.",
    what: "Ce site compte ses visites sans cookie et ne conserve ni adresse IP ni rien d’autre qui permette de vous \
           identifier. Si vous vous y opposez, un cookie identique pour tout le monde s’en souvient dans ce navigateur \
           pendant 13 mois ; cette durée n’est pas prolongée. Vous pouvez revenir sur cette page à tout moment.",
    object: "Ne pas compter mes visites",
    come_back: "Compter de nouveau mes visites",
};

/// The language asked for, or else the browser's first.
fn words(request: &HttpRequest, asked: &str) -> Words {
    let named = request.query_string().split('&').find_map(|pair| pair.strip_prefix("lang="));
    let browsers = head::text(request, &header::ACCEPT_LANGUAGE);
    let wanted = [asked, named.unwrap_or_default(), browsers].into_iter().find(|text| !text.is_empty());
    match wanted.and_then(|text| text.get(..2)).is_some_and(|lang| lang.eq_ignore_ascii_case("fr")) {
        true => FRENCH,
        false => ENGLISH,
    }
}
