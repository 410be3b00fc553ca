//! `/opt-out`: the page on which visitors see whether they are counted, and object to it.
//!
//! | request | answer |
//! |---|---|
//! | `GET /opt-out` | the page, French or English by `Accept-Language` or `?lang=fr`; it works without scripts |
//! | `POST /opt-out` with `choice=out` or `choice=in` | sets or removes the cookie, and redirects to the page (303) |
//! | `GET /opt-out/status` | `{"opted_out": bool, "gpc": bool, "dnt": bool, "counted": bool}` |
//!
//! The cookie is `footfall_optout=1`, for 13 months, on the host of the request: a site serves this path from its own
//! host. The cookie is the same for every visitor, so it identifies no one. A visitor who has it does not get it again:
//! it is never prolonged. The tracker may read it (it is not `HttpOnly`), and then sends nothing. It is sent over plain
//! HTTP too (it is not `Secure`): it contains nothing to hide, and an objection must not get lost. Pages of other sites
//! cannot press the button: browsers send where a form was (`Sec-Fetch-Site`, `Origin`).

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
/// The page loads nothing from elsewhere. A privacy policy may show it in a frame.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'";

/// The form of the page.
#[derive(Deserialize)]
pub(super) struct OptOutForm {
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
struct OptOutStatus {
    opted_out: bool,
    gpc: bool,
    dnt: bool,
    counted: bool,
}

/// `GET /opt-out`.
pub(super) async fn page(request: HttpRequest) -> HttpResponse {
    let texts = texts(&request, "");
    let Wishes { opt_out, gpc, dnt, .. } = head::wishes(request.headers());
    let state = match (opt_out, gpc, dnt) {
        (true, ..) => texts.out,
        (false, true, _) => texts.gpc,
        (false, false, true) => texts.dnt,
        (false, false, false) => texts.counted,
    };
    let (choice, button) = if opt_out { ("in", texts.come_back) } else { ("out", texts.object) };
    let PageTexts { lang, title, what, .. } = texts;
    let text = format!(
        "<!doctype html><html lang=\"{lang}\"><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"robots\" content=\"noindex\">\
         <style>{STYLE}</style><main><h1>{title}</h1><p role=\"status\"><strong>{state}</strong></p><p>{what}</p>\
         <form method=\"post\"><input type=\"hidden\" name=\"lang\" value=\"{lang}\">\
         <button name=\"choice\" value=\"{choice}\">{button}</button></form></main></html>"
    );
    let mut answer = HttpResponse::Ok().content_type("text/html; charset=utf-8").body(text);
    set_page_headers(&mut answer);
    answer
}

const STYLE: &str = ":root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;margin:0;padding:1.5rem}\
    main{max-width:36rem;margin:auto}h1{font-size:1.4rem}button{font:inherit;padding:.6rem 1rem;min-height:44px}";

/// `POST /opt-out`.
pub(super) async fn choose(request: HttpRequest, form: Result<Form<OptOutForm>, actix_web::Error>) -> HttpResponse {
    let Ok(Form(OptOutForm { choice, lang })) = form else {
        return super::answer::line(StatusCode::BAD_REQUEST, "choice is `out` or `in`");
    };
    if !is_our_page(&request) {
        return super::answer::line(StatusCode::FORBIDDEN, "only this site's own page can ask for this");
    }
    let has_opted_out = head::wishes(request.headers()).opt_out;
    let lang = texts(&request, &lang).lang;
    let mut answer = HttpResponse::SeeOther();
    // Relative, because a proxy may serve the page under another path.
    answer.insert_header((header::LOCATION, format!("?lang={lang}")));
    match (choice, has_opted_out) {
        (Choice::Out, false) => answer.insert_header((header::SET_COOKIE, SET)),
        (Choice::In, true) => answer.insert_header((header::SET_COOKIE, REMOVE)),
        (Choice::Out, true) | (Choice::In, false) => &mut answer,
    };
    let mut answer = answer.finish();
    set_page_headers(&mut answer);
    answer
}

/// `GET /opt-out/status`: for scripts of the site's own pages, and for anybody who wants to check.
pub(super) async fn status(request: HttpRequest) -> HttpResponse {
    let Wishes { opt_out, gpc, dnt, .. } = head::wishes(request.headers());
    let status = OptOutStatus { opted_out: opt_out, gpc, dnt, counted: !(opt_out || gpc || dnt) };
    let mut answer = HttpResponse::Ok().json(status);
    set_page_headers(&mut answer);
    answer
}

fn set_page_headers(answer: &mut HttpResponse) {
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// Whether the form was on this page. Clients that send neither header are old, or not browsers: they are let through.
fn is_our_page(request: &HttpRequest) -> bool {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin")) {
        (Some(from), _) => matches!(from, "same-origin" | "none"),
        // This page sends `null`, because its referrer policy is `no-referrer`.
        (None, Some("null") | None) => true,
        (None, Some(origin)) => origin.split_once("://").map(|(_, host)| host) == text("host"),
    }
}

/// The texts of the page in one language.
struct PageTexts {
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

const ENGLISH: PageTexts = PageTexts {
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

const FRENCH: PageTexts = PageTexts {
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

/// The texts in the language of the form, else of `?lang=`, else in the browser's first language.
fn texts(request: &HttpRequest, asked: &str) -> PageTexts {
    let named = request.query_string().split('&').find_map(|pair| pair.strip_prefix("lang="));
    let browsers = head::text(request, &header::ACCEPT_LANGUAGE);
    let wanted = [asked, named.unwrap_or_default(), browsers].into_iter().find(|text| !text.is_empty());
    match wanted.and_then(|text| text.get(..2)).is_some_and(|lang| lang.eq_ignore_ascii_case("fr")) {
        true => FRENCH,
        false => ENGLISH,
    }
}
