//! The files of the pages.

use actix_web::http::{StatusCode, header};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};

use super::respond;
use crate::assets;

pub(super) async fn page(request: HttpRequest) -> HttpResponse {
    match assets::find(request.path()) {
        None => respond::uncached(StatusCode::NOT_FOUND)
            .content_type("text/plain; charset=utf-8")
            .body("there is no such page"),
        Some(asset) => respond::guarded(StatusCode::OK)
            .insert_header((header::CACHE_CONTROL, asset.cache_control))
            .content_type(asset.content_type)
            .body(Bytes::from_static(asset.bytes)),
    }
}
