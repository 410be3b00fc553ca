//! Decides whether a line is a page view, an error, or refused. The order of the rules matters.

use schema::fate::Refusal;

use super::line::LoggedRequest;

/// The kind of a line, before its visitor is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A page was delivered.
    View,
    /// A page was requested and could not be delivered.
    Error,
    /// Not counted.
    Refused(Refusal),
}

/// Extensions of files that are not pages.
const ASSETS: [&str; 28] = [
    "css", "js", "map", "json", "xml", "txt", "ico", "png", "jpg", "jpeg", "gif", "svg", "webp", "avif", "woff",
    "woff2", "ttf", "eot", "otf", "mp3", "mp4", "webm", "zip", "gz", "tgz", "pdf", "rss", "atom",
];

/// Applies the rules in their order: method, error status, asset, page, other status.
pub(super) fn judge(request: &LoggedRequest<'_>) -> Verdict {
    if request.method != b"GET" {
        return Verdict::Refused(Refusal::Method);
    }
    match request.status {
        b"404" | b"410" | [b'5', ..] => Verdict::Error,
        b"200" | b"304" if is_asset(path(request.target)) => Verdict::Refused(Refusal::Asset),
        b"200" | b"304" => Verdict::View,
        _ => Verdict::Refused(Refusal::Status),
    }
}

/// The path of a request target: without query and fragment, and without scheme and host if it is a URL.
fn path(target: &[u8]) -> &[u8] {
    let end = target.iter().position(|b| matches!(b, b'?' | b'#')).unwrap_or(target.len());
    let target = &target[..end];
    if target.starts_with(b"/") {
        return target;
    }
    match target.windows(3).position(|three| three == b"://") {
        Some(scheme) => {
            let rest = &target[scheme + 3..];
            &rest[rest.iter().position(|&b| b == b'/').unwrap_or(rest.len())..]
        }
        None => target,
    }
}

/// Whether the last part of a path has the extension of an asset.
fn is_asset(path: &[u8]) -> bool {
    let name = path.rsplit(|&b| b == b'/').next().unwrap_or(path);
    let Some(dot) = name.iter().rposition(|&b| b == b'.') else { return false };
    let ending = &name[dot + 1..];
    ASSETS.iter().any(|asset| asset.as_bytes().eq_ignore_ascii_case(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(method: &str, target: &str, status: &str) -> Verdict {
        judge(&LoggedRequest {
            address: b"10.0.0.1",
            time_s: 0,
            method: method.as_bytes(),
            target: target.as_bytes(),
            status: status.as_bytes(),
            referrer: None,
            agent: None,
        })
    }

    #[test]
    fn a_get_of_a_page_with_status_200_or_304_is_a_view() {
        for target in
            ["/", "/a.html", "/a.css/b", "/css", "/a?x=b.css", "/a#b.css", "/.", "http://example.org.zip", "*"]
        {
            assert_eq!(verdict("GET", target, "200"), Verdict::View, "{target}");
            assert_eq!(verdict("GET", target, "304"), Verdict::View, "{target}");
        }
    }

    #[test]
    fn every_listed_extension_is_an_asset_in_any_case_and_with_a_query() {
        for ending in ASSETS {
            for target in [
                format!("/a/b.{ending}"),
                format!("/b.min.{}", ending.to_uppercase()),
                format!("/b.{ending}?v=3"),
                format!("/b.{ending}#c"),
                format!("/.{ending}"),
                format!("http://example.org/b.{ending}"),
            ] {
                assert_eq!(verdict("GET", &target, "200"), Verdict::Refused(Refusal::Asset), "{target}");
            }
        }
    }

    #[test]
    fn the_rules_apply_in_their_order() {
        for (method, target, status, want) in [
            ("HEAD", "/a.css", "404", Verdict::Refused(Refusal::Method)),
            ("POST", "/", "500", Verdict::Refused(Refusal::Method)),
            ("GET", "/a.css", "404", Verdict::Error),
            ("GET", "/", "410", Verdict::Error),
            ("GET", "/", "500", Verdict::Error),
            ("GET", "/a.css", "599", Verdict::Error),
            ("GET", "/a.css", "206", Verdict::Refused(Refusal::Status)),
            ("GET", "/", "301", Verdict::Refused(Refusal::Status)),
            ("GET", "/", "403", Verdict::Refused(Refusal::Status)),
            ("GET", "/", "000", Verdict::Refused(Refusal::Status)),
        ] {
            assert_eq!(verdict(method, target, status), want, "{method} {target} {status}");
        }
    }
}
