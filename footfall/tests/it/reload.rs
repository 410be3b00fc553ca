//! SIGHUP while hits arrive: sites, campaigns, senders and lists change, no hit is dropped, and a bad file changes
//! nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::footfall::{Footfall, noon_zone, ureq_agent};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";

fn dropped(footfall: &Footfall, path: &str) -> String {
    let request = ureq_agent().get(format!("http://{}{path}", footfall.address())).header("user-agent", FIREFOX);
    let answer = request.call().unwrap();
    answer.headers().get("x-footfall-dropped").map_or(String::new(), |why| why.to_str().unwrap().to_owned())
}

/// Stops the sender when it is dropped, also after a failed assertion.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn reloads(footfall: &Footfall) -> (f64, f64) {
    let of = |outcome: &str| footfall.metric(&format!("footfall_config_reloads_total{{outcome=\"{outcome}\"}}"));
    (of("applied"), of("refused"))
}

#[test]
fn sighup_changes_sites_and_campaigns_and_drops_no_hit() {
    let mut footfall = Footfall::start(&format!("time_zone = \"{}\"", noon_zone()));
    let first = std::fs::read_to_string(footfall.config()).unwrap();
    let stop = AtomicBool::new(false);
    let sent = std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut sent = 0;
            while !stop.load(Ordering::Relaxed) {
                assert_eq!(dropped(&footfall, "/f.gif?d=example.org&p=/"), "");
                sent += 1;
            }
            sent
        });
        let stop_sender = StopOnDrop(&stop);
        assert_eq!(dropped(&footfall, "/f.gif?d=second.example&p=/"), "unknown_site");
        assert_eq!(dropped(&footfall, "/b/example.org/spring.gif"), "no_consent");

        let beacon = "[[site.campaign]]\nname = \"spring\"\nmedium = \"email\"\nbasis = \"sender-consent\"\n";
        let zone = format!("time_zone = \"{}\"", noon_zone());
        let second = format!("[[site]]\nid = 2\ndomain = \"second.example\"\n{zone}\n");
        std::fs::write(footfall.config(), format!("{first}{beacon}{second}")).unwrap();
        footfall.hang_up();
        footfall.wait("the new file is used", |it| reloads(it) == (1.0, 0.0));
        assert_eq!(dropped(&footfall, "/f.gif?d=second.example&p=/"), "");
        assert_eq!(dropped(&footfall, "/b/example.org/spring.gif"), "");
        let question = serde_json::json!({"site_id": "second.example", "metrics": ["pageviews"], "date_range": "day"});
        // The answer is 503 until the engine has its tables. It would be 403 if the token did not cover the new site.
        footfall.wait("the dashboard has the new site too", |it| it.query(&question).0 == 200);

        // `on = false` stops a campaign, also for mails that were sent long ago.
        std::fs::write(footfall.config(), format!("{first}{beacon}on = false\n{second}")).unwrap();
        footfall.hang_up();
        footfall.wait("the campaign is off", |it| reloads(it) == (2.0, 0.0));
        assert_eq!(dropped(&footfall, "/b/example.org/spring.gif"), "no_consent");

        // A file with a mistake, then one with another zone: neither changes anything.
        for bad in [format!("{first}colour = \"red\"\n"), first.replace(&noon_zone(), "Asia/Kathmandu")] {
            std::fs::write(footfall.config(), bad).unwrap();
            let (_, refused) = reloads(&footfall);
            footfall.hang_up();
            footfall.wait("the file is refused", |it| reloads(it) == (2.0, refused + 1.0));
            assert_eq!(dropped(&footfall, "/f.gif?d=second.example&p=/"), "", "nothing has changed");
        }
        drop(stop_sender);
        sender.join().unwrap()
    });
    assert!(sent > 0);
    let log = footfall.log_text();
    assert!(log.contains("colour") && log.contains("Asia/Kathmandu"), "the reason is not in the log: {log}");
    // The sender's hits, three of the second site, and one beacon.
    assert_eq!(footfall.metric("footfall_hits_total{fate=\"stored\"}"), f64::from(sent) + 4.0);
    footfall.stop();
}

#[test]
fn sighup_adds_a_sender_and_a_spam_list_and_a_batch_sent_twice_counts_once() {
    let mut footfall = Footfall::start(&format!("time_zone = \"{}\"", noon_zone()));
    let first = std::fs::read_to_string(footfall.config()).unwrap();
    let hits: Vec<_> = (0..50)
        .map(|n| {
            let (url, ip) = (format!("https://example.org/{n}"), format!("203.0.{n}.9"));
            serde_json::json!({ "n": "pageview", "u": url, "ip": ip, "user_agent": FIREFOX, "time": schema::clock::now_s() })
        })
        .collect();
    let body = serde_json::json!({ "site": "example.org", "hits": hits }).to_string();
    let send = |key: &str| {
        let request = ureq_agent()
            .post(format!("http://{}/api/hits", footfall.address()))
            .header("authorization", "Bearer of the test")
            .header("idempotency-key", key);
        request.send(&body).unwrap().status().as_u16()
    };
    let spam = || {
        let event = serde_json::json!({ "n": "pageview", "u": "https://example.org/", "r": "https://a.spam.example/" });
        let request = ureq_agent().post(format!("http://{}/api/event", footfall.address()));
        let answer = request.header("user-agent", FIREFOX).send(event.to_string()).unwrap();
        answer.headers().get("x-footfall-dropped").map_or(String::new(), |why| why.to_str().unwrap().to_owned())
    };
    assert_eq!((send("a"), spam()), (401, String::new()), "neither the sender nor the list is there yet");

    let hash = blake3::hash(b"of the test");
    let token = format!("[[token]]\nname = \"server\"\nsites = [1]\nsend = true\nblake3 = \"{hash}\"\n");
    let with_list = format!("referrer_spam = \"spam.txt\"\n{first}{token}");
    std::fs::write(footfall.config(), &with_list).unwrap();
    footfall.hang_up();
    footfall.wait("a missing list is refused", |it| reloads(it) == (0.0, 1.0));
    assert_eq!(send("a"), 401, "a file with a mistake changes nothing");
    std::fs::write(footfall.dir().join("spam.txt"), "spam.example\n").unwrap();
    footfall.hang_up();
    footfall.wait("the sender and the list are used", |it| reloads(it) == (1.0, 1.0));
    assert_eq!(spam(), "referrer_spam");
    // Only the list changes; the configuration stays the same.
    std::fs::write(footfall.dir().join("spam.txt"), "other.example\n").unwrap();
    footfall.hang_up();
    footfall.wait("the list is read again", |it| reloads(it) == (2.0, 1.0));
    assert_eq!(spam(), "");

    assert_eq!([send("a"), send("a"), send("b")], [200; 3]);
    footfall.wait_until_quiet();
    let question = serde_json::json!({"site_id": "example.org", "metrics": ["pageviews"], "date_range": "day"});
    let (status, answer) = footfall.query(&question);
    // 50 hits for each of two keys, and two page views of the browser.
    assert_eq!((status, &answer["results"][0]["metrics"][0]), (200, &serde_json::json!(102)), "{answer}");
    footfall.stop();
}
