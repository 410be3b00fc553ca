use super::*;

const SITE: &str = "[[site]]\nid = 1\ndomain = \"a.org\"\n";
const HASH: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const EXAMPLE: &str = include_str!("../../../footfall.example.toml");

fn read_with(text: &str, env: &[(&str, &str)]) -> Result<Config, Mistakes> {
    let env = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Config::read(text, Path::new("/etc/footfall.toml"), env)
}

fn config(text: &str) -> Config {
    read_with(text, &[("HOME", "/home/me")]).unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"))
}

/// Asserts that `text` has exactly these mistakes: the line of each, and words of its sentence, in order.
#[track_caller]
fn check(text: &str, want: &[(usize, &str)]) {
    let mistakes = read_with(text, &[]).expect_err("there should be mistakes");
    let lines: Vec<usize> = mistakes.iter().filter_map(|mistake| mistake.line).collect();
    assert_eq!(lines, want.iter().map(|(line, _)| *line).collect::<Vec<_>>(), "{mistakes}\n{text}");
    for (mistake, (_, words)) in mistakes.iter().zip(want) {
        assert!(mistake.text.contains(words), "{words:?} is missing from: {}", mistake.text);
    }
}

/// The example file with its commented keys uncommented.
fn whole_example() -> String {
    let is_key = |line: &str| {
        let key = line.split(" = ").next().unwrap_or_default();
        ["[[token]]", "[[site.campaign]]", "[kafka]"].contains(&line)
            || (line.contains(" = ") && key.bytes().all(|b| b.is_ascii_lowercase() || b"_3".contains(&b)))
    };
    let uncomment = |line: &'static str| line.strip_prefix("# ").filter(|rest| is_key(rest)).unwrap_or(line);
    EXAMPLE.lines().map(uncomment).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_file_without_optional_keys_has_the_defaults_of_the_example() {
    let (short, example) = (config(SITE), config(EXAMPLE));
    assert_eq!(short.listen, example.listen);
    assert_eq!(short.metrics_listen, example.metrics_listen);
    assert_eq!(short.data, example.data);
    assert_eq!(format!("{:?}", short.proxies), format!("{:?}", example.proxies));
    assert_eq!((&short.geo, &example.geo), (&None, &None));
    assert_eq!((&short.referrer_spam, &example.referrer_spam), (&None, &None));
    assert_eq!(short.live_step, example.live_step);
    assert_eq!(short.replicated_tables, example.replicated_tables);
    assert_eq!(short.limits, example.limits);
    let (short, example) = (short.sites.by_id(1).unwrap(), example.sites.by_id(1).unwrap());
    assert_eq!(example.zone.name(), "Europe/Paris");
    let named_alike =
        schema::sites::Site { domain: "example.org".into(), zone: example.zone.clone(), ..(**short).clone() };
    assert_eq!(named_alike, **example);
}

#[test]
fn the_example_has_every_key() {
    let text = whole_example();
    let source = TomlText::new(&text);
    let password = |name: &str| (name == "KAFKA_PASSWORD").then(|| "x".to_owned());
    let config = read(&source, Path::new("footfall.toml"), password).unwrap();
    assert_eq!(source.absent(), Vec::<String>::new(), "keys that are parsed and not in the example");
    assert_eq!(source.into_mistakes(), []);
    assert_eq!(config.tokens.len(), 1);
}

#[test]
fn each_key_is_parsed() {
    let config = config(
        r#"
        listen = "0.0.0.0:80"
        metrics_listen = "[::1]:0"
        data = "/var/lib/footfall"
        trusted_proxies = ["10.1.2.3/8", "::1/128"]
        geo = "lib/places.mmdb"
        forwarded_header = "forwarded"
        referrer_spam = "lists/spammers.txt"
        live_step = "90s"
        engine = "lib/chdb.so"
        limits = { spool_bytes_max = 1_000_000_000, idle_s_max = 0x10, hits_per_minute_per_prefix_max = 0 }
        [[site]]
        id = 7
        domain = "Example.org:8000/blog"
        aliases = ["www.example.org"]
        time_zone = "Asia/Kolkata"
        hostnames = ["WWW.Example.org", "localhost"]
        marketing = "never"
        crowd = 3
        bots = "count"
        own = ["203.0.113.7/24", "2001:db8::/32"]
        [[token]]
        name = "t"
        sites = [7]
        blake3 = "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff"
        live = true
        "#,
    );
    assert_eq!((config.listen.port(), config.metrics_listen.to_string()), (80, "[::1]:0".to_owned()));
    assert_eq!(config.data, Path::new("/var/lib/footfall"));
    assert_eq!(
        (config.proxies.header, config.referrer_spam),
        (ProxyHeader::Forwarded, Some("/etc/lists/spammers.txt".into()))
    );
    assert_eq!(config.proxies.trusted.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.0/8", "::1/128"]);
    assert_eq!(config.geo.as_deref(), Some(Path::new("/etc/lib/places.mmdb")));
    assert_eq!(config.live_step, Duration::from_secs(90));
    assert_eq!(config.clickhouse, ClickHouse::Embedded { engine: "/etc/lib/chdb.so".into() });
    assert_eq!((config.limits.spool_bytes_max, config.limits.idle_s_max), (1_000_000_000, Duration::from_secs(16)));
    assert_eq!(config.limits.hits_per_minute_per_prefix_max, 0);
    let site = config.sites.by_name("example.org:8000/blog").unwrap();
    assert_eq!(site.own.iter().map(ToString::to_string).collect::<Vec<_>>(), ["203.0.113.0/24", "2001:db8::/32"]);
    assert_eq!((site.id, site.crowd, site.zone.name()), (7, 3, "Asia/Kolkata"));
    assert_eq!(site.hostnames, ["www.example.org", "localhost"]);
    assert!(matches!(site.marketing, schema::sites::Marketing::Never));
    assert!(matches!(site.bots, schema::sites::Bots::Count));
    assert_eq!(config.sites.by_name("www.example.org").unwrap().id, 7);
    assert_eq!(
        config.tokens,
        [ConfiguredToken {
            name: "t".into(),
            sites: vec![7],
            blake3: blake3::Hash::from_hex(HASH).unwrap(),
            live: true,
            send: false
        }]
    );
}

#[test]
fn all_mistakes_are_named_at_once_with_their_lines() {
    check(
        "listen = \"here\"\nmetrics_listen = 9091\ndata = \"\"\ntrusted_proxies = [\n  \"10.0.0.0/8\",\n  \"10.0.0.1\",\n  7,\n]\n\
         live_step = \"15\"\nengine = true\ncolour = \"red\"\n[limits]\nspool_bytes_max = 1_000\nidle_s_max = \"1 m\"\nwheels = 4\n\
         [[site]]\nid = 0\naliases = [\"12\"]\ntime_zone = \"Mars/Olympus\"\nhostnames = [\"https://a.org\", \"bücher.example\"]\n\
         marketing = \"maybe\"\ncrowd = 2\nbots = \"shoot\"\nown = [\"192.0.2.1/32\"]\nzone = \"UTC\"\n\
         [[token]]\nsites = [9]\nblake3 = \"abc\"\nlive = \"yes\"\n",
        &[
            (1, "`listen` must be an address and a port"),
            (2, "`metrics_listen` must be a text in quotes, not this integer"),
            (3, "`data` is empty"),
            (6, "\"10.0.0.1\", which is no network"),
            (7, "`trusted_proxies` must be a text in quotes"),
            (9, "`live_step` must be a time like \"15m\""),
            (10, "`engine` must be a text in quotes"),
            (11, "no key `colour`; its keys are: listen,"),
            (13, "`spool_bytes_max` must be a whole number from 134217728"),
            (14, "`idle_s_max` must be a whole number"),
            (15, "[limits] has no key `wheels`"),
            (16, "[[site]] has no `domain`"),
            (17, "`id` must be a whole number from 1"),
            (18, "which queries would take for a site's number"),
            (19, "`Mars/Olympus` is not a time zone"),
            (20, "\"https://a.org\", which is no host name"),
            (20, "with `xn--` for other scripts"),
            (21, "`marketing` must be \"consent\""),
            (22, "below 3 a withheld number would describe a single visitor"),
            (23, "`bots` must be \"refuse\" or \"count\""),
            (24, "addresses are cut to /24"),
            (25, "[[site]] has no key `zone`"),
            (26, "[[token]] has no `name`"),
            (27, "there is no site of that number"),
            (28, "64 hexadecimal digits"),
            (29, "`live` must be true or false"),
        ],
    );
}

#[test]
fn taken_and_missing_values_are_named() {
    check("", &[(1, "there is no `[[site]]`")]);
    check(
        "[[site]]\nid = 1\ndomain = \"a.org\"\naliases = [\"b.org\"]\n[[site]]\nid = 1\ndomain = \"B.ORG\"\n\
         [[token]]\nname = \"t\"\nsites = []\n[[token]]\nname = \"t\"\n",
        &[
            (6, "`id` 1 is taken"),
            (7, "\"B.ORG\", which is taken"),
            (8, "[[token]] has no `blake3`"),
            (11, "[[token]] has no `sites`"),
            (11, "[[token]] has no `blake3`"),
        ],
    );
    let twice = ["a", "b"].map(|name| format!("[[token]]\nname = \"{name}\"\nsites = []\nblake3 = \"{HASH}\"\n"));
    check(&format!("{SITE}{}", twice.concat()), &[(11, "`blake3` is that of the token \"a\"")]);
    check(&format!("{SITE}[site]\n"), &[(4, "this is not TOML")]);
    check("[site]\nid = 1\n", &[(1, "each under its own `[[site]]`")]);
    let same = "listen = \"127.0.0.1:80\"\nmetrics_listen = \"127.0.0.1:80\"\n";
    check(&format!("{same}{SITE}"), &[(1, "one of them must be another")]);
    config(&format!("listen = \"127.0.0.1:0\"\nmetrics_listen = \"127.0.0.1:0\"\n{SITE}"));
}

#[test]
fn ids_of_other_trackers_are_parsed_and_must_be_unique() {
    let uuid = "b59e9c65-ae32-47f1-8400-119fcf4861c4";
    let sites = config(&format!("{SITE}umami = \"{}\"\nmatomo = 3\n", uuid.to_uppercase())).sites;
    assert_eq!(sites.by_name(&format!("umami:{uuid}")).unwrap().id, 1);
    assert_eq!(sites.by_name("matomo:3").unwrap().id, 1);
    let two = format!("{SITE}umami = \"{uuid}\"\nmatomo = 3\n[[site]]\nid = 2\ndomain = \"b.org\"\n");
    check(
        &format!("{two}umami = \"{uuid}\"\nmatomo = 3\n"),
        &[(9, "is taken by another site"), (10, "3 is taken by another site")],
    );
    check(&format!("{two}umami = \"b.org\"\nmatomo = -1\n"), &[(9, "must be a website's UUID"), (10, "`matomo`")]);
}

#[test]
fn a_token_that_sends_cannot_read() {
    let token = |more: &str| format!("{SITE}[[token]]\nname = \"t\"\nsites = [1]\nblake3 = \"{HASH}\"\n{more}");
    assert_eq!(senders(&config(&token("")).tokens).len(), 0);
    let sending = senders(&config(&token("send = true\n")).tokens);
    assert_eq!((sending.len(), &sending[0].sites[..]), (1, &[1][..]));
    check(&token("live = true\nsend = true\n"), &[(4, "one that sends hits reads nothing")]);
}

#[test]
fn every_syntax_error_is_named() {
    check("listen = \"127.0.0.1:80\ndata = x\n", &[(1, "this is not TOML"), (2, "this is not TOML")]);
}

#[test]
fn relative_paths_are_relative_to_the_folder_of_the_file() {
    let read = |path: &str| Config::read(SITE, Path::new(path), |_| None).unwrap().data;
    let here = std::env::current_dir().unwrap();
    assert_eq!(read("footfall.toml"), here.join("data"));
    assert_eq!(read("conf/footfall.toml"), here.join("conf/data"));
    assert_eq!(read("/srv/footfall.toml"), Path::new("/srv/data"));
}

#[test]
fn the_default_engine_is_where_start_put_it() {
    for (env, want) in [
        (&[("XDG_CACHE_HOME", "/c"), ("HOME", "/home/me")][..], "/c/footfall"),
        (&[("XDG_CACHE_HOME", "relative"), ("HOME", "/home/me")][..], "/home/me/.cache/footfall"),
        (&[("XDG_CACHE_HOME", ""), ("HOME", "/home/me")][..], "/home/me/.cache/footfall"),
        (&[][..], "/var/cache/footfall"),
    ] {
        let engine = Path::new(want).join("engine-26.7.3-stable.1/libchdb.so");
        assert_eq!(read_with(SITE, env).unwrap().clickhouse, ClickHouse::Embedded { engine });
    }
}

#[test]
fn clickhouse_url_replaces_the_embedded_engine() {
    let url = ("CLICKHOUSE_URL", "http://127.0.0.1:8123");
    let server = |user: &str, password: &str| ClickHouse::Server {
        url: url.1.into(),
        ca: None,
        user: user.into(),
        password: password.into(),
    };
    assert_eq!(read_with(SITE, &[url]).unwrap().clickhouse, server("default", ""));
    let signed_in =
        [url, ("CLICKHOUSE_USER", "footfall"), ("CLICKHOUSE_PASSWORD", "p"), ("XDG_RUNTIME_DIR", "/run/me")];
    let read = read_with(SITE, &signed_in).unwrap();
    assert_eq!((read.clickhouse, read.runtime_dir), (server("footfall", "p"), Some("/run/me".into())));
    for wrong in [
        "127.0.0.1:8123",
        "ftp://secret.example",
        "https://secret.example/x",
        "http://me:secret@h:8123",
        "http://",
        "http://h/secret",
    ] {
        let message = read_with(SITE, &[("CLICKHOUSE_URL", wrong)]).unwrap_err().to_string();
        assert!(
            message.starts_with("/etc/footfall.toml: the variable CLICKHOUSE_URL must") && !message.contains("secret"),
            "{message}"
        );
    }
}

#[test]
fn clickhouse_ca_names_the_certificates_of_an_https_server() {
    let url = ("CLICKHOUSE_URL", "https://db.example:8443");
    let ca = |env: &[(&str, &str)]| match read_with(SITE, env).unwrap().clickhouse {
        ClickHouse::Server { ca, .. } => ca,
        ClickHouse::Embedded { .. } => panic!("a server is named"),
    };
    assert_eq!(ca(&[url]), None);
    assert_eq!(ca(&[url, ("CLICKHOUSE_CA", "/etc/ca.pem")]), Some("/etc/ca.pem".into()));
    let plain = [("CLICKHOUSE_URL", "http://db.example:8123"), ("CLICKHOUSE_CA", "/etc/ca.pem")];
    let message = read_with(SITE, &plain).unwrap_err().to_string();
    assert!(message.contains("CLICKHOUSE_CA means nothing unless"), "{message}");
}

#[test]
fn replicated_tables_need_clickhouse_url() {
    let text = format!("replicated_tables = true\n{SITE}");
    let message = read_with(&text, &[]).unwrap_err().to_string();
    assert!(message.contains("set CLICKHOUSE_URL"), "{message}");
    assert!(read_with(&text, &[("CLICKHOUSE_URL", "http://h:8123")]).unwrap().replicated_tables);
    assert!(!config(SITE).replicated_tables);
}

#[test]
fn the_log_level_is_a_variable() {
    assert_eq!(config(SITE).log, LevelFilter::INFO);
    assert_eq!(read_with(SITE, &[("FOOTFALL_LOG", "trace")]).unwrap().log, LevelFilter::TRACE);
    let message = read_with(SITE, &[("FOOTFALL_LOG", "loud")]).unwrap_err().to_string();
    assert!(message.contains("FOOTFALL_LOG must be"), "{message}");
}

#[test]
fn durations_are_parsed_with_their_unit() {
    for (text, seconds) in [("0", 0), ("90s", 90), ("15m", 900), ("24h", 86_400), ("0m", 0)] {
        assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
    }
    for wrong in ["", "15", "m", "-1m", "25h", "1d", "1.5h", "15 m", "99999999999999999999h", "9999999999999999h", "é"]
    {
        assert!(duration(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn debug_output_of_a_configuration_hides_its_secrets() {
    let text = format!("{SITE}[[token]]\nname = \"t\"\nsites = [1]\nblake3 = \"{HASH}\"\n");
    let env = [("CLICKHOUSE_URL", "http://h:8123"), ("CLICKHOUSE_PASSWORD", "swordfish")];
    let printed = format!("{:?}", read_with(&text, &env).unwrap());
    assert!(
        printed.contains("http://h:8123") && !printed.contains("swordfish") && !printed.contains(&HASH[..8]),
        "{printed}"
    );
}

proptest::proptest! {
    #[test]
    fn no_text_causes_a_panic(text in "\\PC{0,80}", cut in 0usize..9_000, junk in "[\\[\\]\"=,.#a-z0-9\n ]{0,12}") {
        let mut mixed: Vec<u8> = EXAMPLE.bytes().collect();
        let at = cut.min(mixed.len());
        mixed.splice(at..at, junk.bytes());
        for text in [text, String::from_utf8_lossy(&mixed).into_owned()] {
            if let Err(mistakes) = read_with(&text, &[]) {
                proptest::prop_assert!(!mistakes.to_string().is_empty());
            }
        }
    }
}
