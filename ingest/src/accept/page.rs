//! A page's URL in its parts: host, path, and the fragment where a site routes by it. Query and userinfo end here.

use std::borrow::Cow;

/// Where something happened, as sent: neither decoded nor masked yet, so it is not printed.
pub struct Page<'a> {
    host: Cow<'a, str>,
    path: Cow<'a, str>,
    fragment: Cow<'a, str>,
}

impl<'a> Page<'a> {
    /// Takes an absolute URL apart; `None` if it is none. The fragment is kept only if the site routes by it.
    pub fn of_url(url: Cow<'a, str>, routes_by_fragment: bool) -> Option<Page<'a>> {
        let page = match url {
            Cow::Borrowed(url) => {
                let (host, path, fragment) = split(url)?;
                Page { host: host.into(), path: path.into(), fragment: fragment.into() }
            }
            Cow::Owned(url) => {
                let (host, path, fragment) = split(&url)?;
                Page {
                    host: host.to_owned().into(),
                    path: path.to_owned().into(),
                    fragment: fragment.to_owned().into(),
                }
            }
        };
        Some(if routes_by_fragment { page } else { Page { fragment: "".into(), ..page } })
    }

    /// A path on a host that is told apart (or not known: empty).
    pub fn of_path(host: Cow<'a, str>, path: Cow<'a, str>) -> Page<'a> {
        let end = path.find(['?', '#']).unwrap_or(path.len());
        let path = match path {
            Cow::Borrowed(path) => Cow::Borrowed(&path[..end]),
            Cow::Owned(mut path) => {
                path.truncate(end);
                Cow::Owned(path)
            }
        };
        Page { host, path, fragment: "".into() }
    }

    /// The target of a request in a log: a path, or (to a proxy) a whole URL.
    pub fn of_target(target: &'a str) -> Page<'a> {
        match target.starts_with('/') {
            true => Page::of_path("".into(), target.into()),
            false => Page::of_url(target.into(), false).unwrap_or_else(|| Page::of_path("".into(), target.into())),
        }
    }

    /// The same page again, without copying it.
    pub fn borrowed(&self) -> Page<'_> {
        let (host, path, fragment) = (&*self.host, &*self.path, &*self.fragment);
        Page { host: host.into(), path: path.into(), fragment: fragment.into() }
    }

    /// Host without port and `www.`, in whatever case it was sent; empty if there is none.
    pub fn host(&self) -> &str {
        bare_host(&self.host)
    }

    /// Path without query, still encoded.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Fragment without `#` and without a query inside it; empty unless the site routes by it.
    pub fn fragment(&self) -> &str {
        &self.fragment
    }
}

/// The query of an absolute URL, without `?`; for what is reserved, and nothing else.
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

/// A query without the `?` that some write before it.
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

/// Where the first such byte is. What is looked for here stands within a few dozen bytes, which one by one are looked at
/// sooner than a search for more is set up.
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
    fn a_url_comes_apart_and_loses_query_userinfo_port_and_www() {
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
            let page = Page::of_url(url.into(), false);
            assert_eq!(page.as_ref().map(|p| (p.host(), p.path(), p.fragment())), want, "{url}");
            let owned = Page::of_url(Cow::Owned(url.to_owned()), false);
            assert_eq!(owned.as_ref().map(|p| (p.host(), p.path(), p.fragment())), want, "owned {url}");
        }
    }

    #[test]
    fn a_fragment_counts_only_where_the_site_routes_by_it_and_without_its_query() {
        let page = Page::of_url("https://example.org/app?x#/inbox/7?mail=x@y.z".into(), true).unwrap();
        assert_eq!((page.path(), page.fragment()), ("/app", "/inbox/7"));
    }

    #[test]
    fn a_logs_target_is_a_path_or_a_url() {
        for (target, want) in
            [("/a?b", ("", "/a")), ("http://example.org/a?b", ("example.org", "/a")), ("*", ("", "*"))]
        {
            let page = Page::of_target(target);
            assert_eq!((page.host(), page.path()), want);
        }
    }
}
