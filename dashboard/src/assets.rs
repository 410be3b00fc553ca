//! The built pages, which are part of the binary.

/// (Path below the root, bytes).
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// A file of the pages, with its headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asset {
    pub(crate) bytes: &'static [u8],
    pub(crate) content_type: &'static str,
    pub(crate) cache_control: &'static str,
}

/// The file at this path. The path begins with `/`.
pub(crate) fn find(path: &str) -> Option<Asset> {
    let name = match path.strip_prefix('/')? {
        "" => "index.html",
        name => name,
    };
    let (_, bytes) = FILES.iter().find(|(known, _)| *known == name)?;
    Some(Asset { bytes, content_type: content_type(name), cache_control: cache_control(name) })
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "json" => "application/json",
        _ => "application/octet-stream",
    }
}

/// The names below `assets/` have a hash of the content, so those files never change.
fn cache_control(name: &str) -> &'static str {
    if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_a_content_type_and_the_root_is_the_index() {
        assert_eq!(find("/"), find("/index.html"));
        for (name, _) in FILES {
            let asset = find(&format!("/{name}")).unwrap();
            assert_ne!(asset.content_type, "application/octet-stream", "{name}");
            assert_eq!(asset.cache_control.contains("immutable"), name.starts_with("assets/"), "{name}");
        }
        assert!(find("/assets/../index.html").is_none() && find("index.html").is_none());
    }
}
