//! Weighted tables of the invented site: pages, referrers, browsers, robots, hours and weekdays.

/// A page and its size. Its position in [`PAGES`] is its popularity rank.
pub(crate) struct Page {
    pub(crate) path: &'static str,
    pub(crate) bytes: u64,
}

/// The pages of a shop for bicycle parts with a blog, most popular first.
///
/// A `static`, because pages are compared by their address in memory.
pub(crate) static PAGES: &[Page] = &[
    page("/", 18_411),
    page("/blog/true-a-wheel-without-a-stand", 31_204),
    page("/shop/", 22_870),
    page("/blog/", 14_093),
    page("/shop/brake-pads", 19_340),
    page("/blog/which-chain-wears-longest", 40_117),
    page("/guides/tyre-sizes", 27_554),
    page("/shop/wheels", 24_008),
    page("/about", 9_120),
    page("/shop/dynamo-lights", 20_611),
    page("/blog/winter-is-no-excuse", 28_930),
    page("/contact", 7_302),
    page("/guides/gear-ratios", 33_482),
    page("/shop/saddles", 18_777),
    page("/opening-hours", 5_988),
    page("/blog/the-quiet-freewheel", 26_305),
    page("/shop/tools", 23_147),
    page("/workshop", 11_870),
    page("/workshop/book", 12_404),
    page("/guides/", 8_865),
    page("/blog/packing-for-two-weeks", 35_016),
    page("/shop/cargo-racks", 17_933),
    page("/blog/a-lock-for-every-street", 29_744),
    page("/shipping", 6_410),
    page("/shop/tubes-and-tyres", 21_229),
    page("/guides/bottom-brackets", 38_650),
    page("/jobs", 8_031),
    page("/imprint", 4_205),
];

const fn page(path: &'static str, bytes: u64) -> Page {
    Page { path, bytes }
}

/// Zipf: the page of rank r gets 1/r of the requests of the first.
pub(crate) fn page_weight(page: &Page) -> u64 {
    let rank = PAGES.iter().position(|other| std::ptr::eq(other, page)).unwrap_or(PAGES.len());
    100_000 / (rank as u64 + 1)
}

/// The files that a browser loads with its first page.
pub(crate) const ASSETS: &[Page] = &[
    page("/assets/site.css", 11_902),
    page("/assets/site.js", 28_114),
    page("/assets/inter.woff2", 47_380),
    page("/assets/logo.svg", 2_311),
    page("/favicon.ico", 1_150),
];

/// Paths that do not exist (any more).
pub(crate) const LOST: &[&str] = &["/shop/brake-pad", "/blog/2019/", "/catalogue", "/shop/wheels/26", "/wp-login.php"];

/// Referrers and their weights. `-` means no referrer.
pub(crate) const REFERRERS: &[(&str, u64)] = &[
    ("-", 380),
    ("https://www.google.com/", 270),
    ("https://duckduckgo.com/", 60),
    ("https://www.bing.com/", 50),
    ("https://www.ecosia.org/", 20),
    ("https://www.reddit.com/", 40),
    ("https://news.ycombinator.com/", 25),
    ("https://www.facebook.com/", 30),
    ("https://www.instagram.com/", 25),
    ("https://t.co/AbCdEfGh", 12),
    ("https://www.youtube.com/", 18),
    ("https://chatgpt.com/", 22),
    ("https://en.wikipedia.org/", 10),
    ("https://blog.example.net/ten-shops-we-like", 20),
    ("https://forum.example.com/t/which-pads/4711", 14),
    ("https://velo.example.edu/links", 8),
];

/// User agents of browsers and their weights.
pub(crate) const BROWSERS: &[(&str, u64)] = &[
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        260,
    ),
    (
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
        240,
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
        170,
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
        70,
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        60,
    ),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0", 55),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", 30),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
        50,
    ),
    (
        "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
        25,
    ),
    (
        "Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
        30,
    ),
    ("Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0", 15),
    ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36", 20),
];

/// User agents of robots that declare themselves, and their weights.
pub(crate) const ROBOTS: &[(&str, u64)] = &[
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", 40),
    ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", 25),
    ("Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", 15),
    ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)", 20),
];

/// Weight of each hour of the day.
pub(crate) const HOURS: &[u64; 24] =
    &[6, 4, 3, 2, 2, 4, 10, 22, 36, 46, 52, 54, 56, 52, 50, 50, 48, 50, 54, 60, 64, 56, 36, 16];

/// Visitors on each day of the week, in percent of the average weekday, from Monday.
pub(crate) const WEEK: &[u64; 7] = &[104, 108, 106, 102, 94, 72, 84];
