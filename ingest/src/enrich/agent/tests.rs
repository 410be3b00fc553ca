use super::*;

const CHROME: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";

#[test]
fn browsers_systems_and_devices_are_recognised() {
    use Device::{Desktop, Mobile, Tablet, Tv};
    for (text, browser, os, device) in [
        (CHROME, "Chrome 131", "Windows", Desktop),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0", "Firefox 132", "Linux", Desktop),
        (
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
            "Firefox 132",
            "Linux",
            Desktop,
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
            "Safari 18",
            "macOS",
            Desktop,
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.2903.51",
            "Edge 131",
            "Windows",
            Desktop,
        ),
        (
            "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
            "Chrome 130",
            "ChromeOS",
            Desktop,
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 OPR/115.0.0.0",
            "Opera 115",
            "Windows",
            Desktop,
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
            "Safari 18",
            "iOS",
            Mobile,
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1",
            "Chrome 131",
            "iOS",
            Mobile,
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
            "Chrome 131",
            "Android",
            Mobile,
        ),
        (
            "Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36",
            "Samsung Internet 26",
            "Android",
            Mobile,
        ),
        ("Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0", "Firefox 132", "Android", Mobile),
        (
            "Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1",
            "Safari 17",
            "iOS",
            Tablet,
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; SM-X710) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
            "Chrome 131",
            "Android",
            Tablet,
        ),
        (
            "Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36 (KHTML, like Gecko) 94.0.4606.31/7.0 TV Safari/537.36",
            UNKNOWN,
            "Tizen",
            Tv,
        ),
        ("Mozilla/5.0 (PlayStation 5 3.11) AppleWebKit/605.1.15 (KHTML, like Gecko)", UNKNOWN, UNKNOWN, Tv),
        (
            "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
            "Internet Explorer 11",
            "Windows",
            Desktop,
        ),
    ] {
        let agent = parse(text.as_bytes(), Hints::default());
        assert_eq!((agent.crawler, agent.device, agent.os), (None, device, os), "{text}");
        if browser != UNKNOWN {
            assert_eq!(&*agent.browser, browser, "{text}");
        }
    }
}

#[test]
fn robots_are_named_by_the_list() {
    for (text, name) in [
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot"),
        ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "bingbot"),
        (
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
            "GPTBot",
        ),
        ("Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", "AhrefsBot"),
        ("curl/8.5.0", "curl"),
        ("Wget/1.21.4", "Wget"),
        ("python-requests/2.32.3", "python-requests"),
        ("Go-http-client/2.0", "Go-http-client"),
        ("", NO_AGENT),
        (" ", NO_AGENT),
        ("-", NO_AGENT),
        ("Mozilla/5.0 Example/1.0 (+https://example.org/about-us)", UNLISTED),
    ] {
        let agent = parse(text.as_bytes(), Hints::default());
        assert_eq!((agent.crawler, agent.device), (Some(name), Device::Bot), "{text}");
    }
    for headless in ["HeadlessChrome/131.0.0.0", "PhantomJS/2.1.1"] {
        assert!(
            parse(format!("Mozilla/5.0 (X11; Linux x86_64) {headless}").as_bytes(), Hints::default()).crawler.is_some()
        );
    }
}

#[test]
fn no_text_is_copied_from_the_header() {
    for text in [
        "CANARY/7.0",
        "Mozilla/5.0 (CANARY; Linux x86_64) CANARY/99999",
        "Mozilla/5.0 CANARYBot/2.1",
        "CANARY Mobile/15E148 Safari CANARY/1.0 Version/CANARY",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) CANARY/1.2 CFNetwork/1.0 Darwin/20",
        "CANARYBrowser/1.0 (Linux; Android 14; CANARY Build/CANARY) CANARY",
    ] {
        let agent = format!("{:?}", parse(text.as_bytes(), Hints::default()));
        assert!(!agent.contains("CANARY") && !agent.contains("99999"), "{text}: {agent}");
    }
    let known = parse(CHROME.as_bytes(), Hints::default());
    let version = CHROME.replace("131.0", "99999.0");
    assert_eq!((&*known.browser, &*parse(version.as_bytes(), Hints::default()).browser), ("Chrome 131", "Chrome"));
}

#[test]
fn every_entry_of_the_lists_has_a_readable_name() {
    assert!(CRAWLER_WORDS.len() + CRAWLER_REGEXES.len() > 1000);
    for (pattern, name) in CRAWLER_WORDS.iter().chain(CRAWLER_REGEXES) {
        assert!(!name.is_empty() && !name.contains(['\\', '[', '^', '|']), "{pattern}: {name:?}");
    }
    assert!(BROWSER_NAMES.is_sorted() && SYSTEM_NAMES.is_sorted(), "binary search needs it");
}

#[test]
fn the_cache_is_bounded_and_is_emptied_when_a_salt_is_destroyed() {
    let mut agents = Agents::default();
    let first = agents.get(CHROME.as_bytes(), Hints::default(), 0).clone();
    assert!(Rc::ptr_eq(&first, agents.get(CHROME.as_bytes(), Hints::default(), 0)));
    assert!(!Rc::ptr_eq(&first, agents.get(CHROME.as_bytes(), Hints::default(), 1)), "a new era empties it");
    for n in 0..CACHED_MAX + 10 {
        agents.get(format!("{n}").as_bytes(), Hints::default(), 1);
        assert!(agents.cached.len() <= CACHED_MAX);
    }
}

#[test]
fn any_bytes_can_be_parsed() {
    for bytes in [&b"\xff\xfe\x00"[..], &[b'('; 100_000], "é".repeat(300).as_bytes()] {
        parse(bytes, Hints::default());
    }
}
