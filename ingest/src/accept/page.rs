//! A page's URL in its parts: host, path, and the fragment if the site routes by it. The query and userinfo are not
//! kept.

use std::borrow::Cow;

/// The URL of a page, as sent. It is neither decoded nor masked yet, so this type cannot be printed.
pub struct PageUrl<'a> {
    host: Cow<'a, str>,
    path: Cow<'a, str>,
    fragment: Cow<'a, str>,
}

impl<'a> PageUrl<'a> {
    /// Splits an absolute URL; `None` if the text is none. The fragment is kept only if the site routes by it.
    pub fn of_url(url: Cow<'a, str>, routes_by_fragment: bool) -> Option<PageUrl<'a>> {
        let page = match url {
            Cow::Borrowed(url) => {
                let (host, path, fragment) = split(url)?;
                PageUrl { host: host.into(), path: path.into(), fragment: fragment.into() }
            }
            Cow::Owned(url) => {
                let (host, path, fragment) = split(&url)?;
                PageUrl {
                    host: host.to_owned().into(),
                    path: path.to_owned().into(),
                    fragment: fragment.to_owned().into(),
                }
            }
        };
        Some(if routes_by_fragment { page } else { PageUrl { fragment: "".into(), ..page } })
    }

    /// A path on a host that is given separately; the host is empty if it is not known.
    pub fn of_path(host: Cow<'a, str>, path: Cow<'a, str>) -> PageUrl<'a> {
        let end = path.find(['?', '#']).unwrap_or(path.len());
        let path = match path {
            Cow::Borrowed(path) => Cow::Borrowed(&path[..end]),
            Cow::Owned(mut path) => {
                path.truncate(end);
                Cow::Owned(path)
            }
        };
        PageUrl { host, path, fragment: "".into() }
    }

    /// The target of a request in a log: a path, or (for a request to a proxy) a whole URL.
    pub fn of_target(target: &'a str) -> PageUrl<'a> {
        match target.starts_with('/') {
            true => PageUrl::of_path("".into(), target.into()),
            false => {
                PageUrl::of_url(target.into(), false).unwrap_or_else(|| PageUrl::of_path("".into(), target.into()))
            }
        }
    }

    /// The same URL, borrowed.
    pub fn borrowed(&self) -> PageUrl<'_> {
        let (host, path, fragment) = (&*self.host, &*self.path, &*self.fragment);
        PageUrl { host: host.into(), path: path.into(), fragment: fragment.into() }
    }

    /// Host without port and `www.`, in the case in which it was sent; empty if there is none.
    pub fn host(&self) -> &str {
        bare_host(&self.host)
    }

    /// Path without query, still percent-encoded.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Fragment without `#` and without a query inside it; empty unless the site routes by it.
    pub fn fragment(&self) -> &str {
        &self.fragment
    }
}

/// The query of an absolute URL, without `?`. Only [`Reserved`](super::Reserved) may hold it.
pub(crate) fn query_of<'a>(url: &Cow<'a, str>) -> Cow<'a, str> {
    let range = |url: &str| {
        let start = first(url, |b| matches!(b, b'?' | b'#')).unwrap_or(url.len());
        match &url[start..] {
            query if query.starts_with('?') => {
                start + 1..first(query, |b| b == b'#').map_or(url.len(), |at| start + at)
            }
            _ => start..start,
        }
    };
    match url {
        Cow::Borrowed(url) => url[range(url)].into(),
        Cow::Owned(url) => url[range(url)].to_owned().into(),
    }
}

/// A query without the `?` that some senders write before it.
pub(super) fn bare_query(query: Cow<'_, str>) -> Cow<'_, str> {
    match query {
        Cow::Borrowed(text) => text.strip_prefix('?').unwrap_or(text).into(),
        Cow::Owned(text) => text.strip_prefix('?').map(str::to_owned).unwrap_or(text).into(),
    }
}

/// The width in `1920x1080` or `1920,1080,1`, in pixels.
pub(super) fn width_of(screen: &str) -> Option<u32> {
    let end = screen.find(|c: char| !c.is_ascii_digit()).unwrap_or(screen.len());
    screen[..end].parse().ok()
}

/// The position of the first such byte. The bytes searched for here are within a few dozen bytes; examining those one
/// by one is faster than setting up a vectorised search.
fn first(text: &str, is_it: impl Fn(u8) -> bool) -> Option<usize> {
    text.bytes().position(is_it)
}

/// Host, path and fragment of an absolute URL with any scheme but `data:`.
fn split(url: &str) -> Option<(&str, &str, &str)> {
    let url = url.trim();
    let (scheme, rest) = url.split_at(first(url, |b| b == b':')?);
    let rest = rest.strip_prefix("://")?;
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.bytes().all(good) || scheme == "data" {
        return None;
    }
    let (authority, rest) = rest.split_at(first(rest, |b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len()));
    let host = authority.bytes().rposition(|b| b == b'@').map_or(authority, |at| &authority[at + 1..]);
    let good = |b: u8| b > b' ' && b != 0x7f && b != b'\\';
    if host.len() > 255 || !host.bytes().all(good) {
        return None;
    }
    let (path, rest) = rest.split_at(first(rest, |b| matches!(b, b'?' | b'#')).unwrap_or(rest.len()));
    let fragment = first(rest, |b| b == b'#').map_or("", |at| &rest[at + 1..]);
    let fragment = first(fragment, |b| b == b'?').map_or(fragment, |at| &fragment[..at]);
    Some((host, path, fragment))
}

/// A host without port, final dot and `www.`.
pub(crate) fn bare_host(host: &str) -> &str {
    let port = host.bytes().rposition(|b| !b.is_ascii_digit());
    let host = port.filter(|&at| host.as_bytes()[at] == b':').map_or(host, |colon| &host[..colon]);
    let host = host.strip_suffix('.').unwrap_or(host);
    match host.get(..4) {
        Some(www) if www.eq_ignore_ascii_case("www.") => &host[4..],
        _ => host,
    }
}

/// The host of an absolute URL, bare; `None` if it is none.
pub(crate) fn host_of(url: &str) -> Option<&str> {
    let (host, _, _) = split(url)?;
    Some(bare_host(host)).filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_split_and_loses_query_userinfo_port_and_www() {
        for (url, want) in [
            ("https://example.org/a/b?c=d#e", Some(("example.org", "/a/b", ""))),
            ("https://user:secret@www.Example.org:8443", Some(("Example.org", "", ""))),
            ("http://[2001:db8::1]:80/x", Some(("[2001:db8::1]", "/x", ""))),
            ("https://example.org?x@y.z/", Some(("example.org", "", ""))),
            ("app://localhost/index.html", Some(("localhost", "/index.html", ""))),
            ("file:///home/me/a.html", Some(("", "/home/me/a.html", ""))),
            (" https://example.org./ ", Some(("example.org", "/", ""))),
            ("data:text/html,hello", None),
            ("/a/b", None),
            ("example.org/a", None),
            ("https://exa mple.org/", None),
            ("", None),
        ] {
            let page = PageUrl::of_url(url.into(), false);
            assert_eq!(page.as_ref().map(|p| (p.host(), p.path(), p.fragment())), want, "{url}");
            let owned = PageUrl::of_url(Cow::Owned(url.to_owned()), false);
            assert_eq!(owned.as_ref().map(|p| (p.host(), p.path(), p.fragment())), want, "owned {url}");
        }
    }

    #[test]
    fn a_fragment_is_kept_only_if_the_site_routes_by_it_and_without_its_query() {
        let page = PageUrl::of_url("https://example.org/app?x#/inbox/7?mail=x@y.z".into(), true).unwrap();
        assert_eq!((page.path(), page.fragment()), ("/app", "/inbox/7"));
    }

    #[test]
    fn a_logs_target_is_a_path_or_a_url() {
        for (target, want) in
            [("/a?b", ("", "/a")), ("http://example.org/a?b", ("example.org", "/a")), ("*", ("", "*"))]
        {
            let page = PageUrl::of_target(target);
            assert_eq!((page.host(), page.path()), want);
        }
    }
}
