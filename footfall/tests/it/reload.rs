//! SIGHUP while hits come: sites and campaigns change, nothing is dropped, and a bad file changes nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::footfall::{Footfall, noon_zone, ureq_agent};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";

fn dropped(footfall: &Footfall, path: &str) -> String {
    let request = ureq_agent().get(format!("http://{}{path}", footfall.address())).header("user-agent", FIREFOX);
    let answer = request.call().unwrap();
    answer.headers().get("x-footfall-dropped").map_or(String::new(), |why| why.to_str().unwrap().to_owned())
}

struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn reloads(footfall: &Footfall) -> (f64, f64) {
    let of = |outcome: &str| footfall.metric(&format!("footfall_config_reloads_total{{outcome=\"{outcome}\"}}"));
    (of("applied"), of("refused"))
}

#[test]
fn a_hangup_changes_sites_and_campaigns_while_hits_come_and_drops_none() {
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
        let stops = Stops(&stop); // also when an assertion fails: the sender must end
        assert_eq!(dropped(&footfall, "/f.gif?d=second.example&p=/"), "unknown_site");
        assert_eq!(dropped(&footfall, "/b/example.org/spring.gif"), "no_consent");

        let beacon = "[[site.campaign]]\nname = \"spring\"\nmedium = \"email\"\nbasis = \"sender-consent\"\n";
        let zone = format!("time_zone = \"{}\"", noon_zone());
        let second = format!("[[site]]\nid = 2\ndomain = \"second.example\"\n{zone}\n");
        std::fs::write(footfall.config(), format!("{first}{beacon}{second}")).unwrap();
        footfall.hang_up();
        footfall.wait("the new file is in force", |it| reloads(it) == (1.0, 0.0));
        assert_eq!(dropped(&footfall, "/f.gif?d=second.example&p=/"), "");
        assert_eq!(dropped(&footfall, "/b/example.org/spring.gif"), "");
        let question = serde_json::json!({"site_id": "second.example", "metrics": ["pageviews"], "date_range": "day"});
        // 503 until the engine has its tables; a token that does not see the site would be told 403.
        footfall.wait("the dashboard knows the new site too", |it| it.query(&question).0 == 200);

        // The kill switch of a campaign, for mails sent long ago.
        std::fs::write(footfall.config(), format!("{first}{beacon}on = false\n{second}")).unwrap();
        footfall.hang_up();
        footfall.wait("the campaign is off", |it| reloads(it) == (2.0, 0.0));
        assert_eq!(dropped(&footfall, "/b/example.org/spring.gif"), "no_consent");

        // A mistake, then another zone: neither changes anything.
        for bad in [format!("{first}colour = \"red\"\n"), first.replace(&noon_zone(), "Asia/Kathmandu")] {
            std::fs::write(footfall.config(), bad).unwrap();
            let (_, refused) = reloads(&footfall);
            footfall.hang_up();
            footfall.wait("it is refused", |it| reloads(it) == (2.0, refused + 1.0));
            assert_eq!(dropped(&footfall, "/f.gif?d=second.example&p=/"), "", "all is as before");
        }
        drop(stops);
        sender.join().unwrap()
    });
    assert!(sent > 0);
    let said = footfall.said();
    assert!(said.contains("colour") && said.contains("Asia/Kathmandu"), "why is in the log: {said}");
    // Those of the sender, two of the second site twice looked at after a refusal, one beacon.
    assert_eq!(footfall.metric("footfall_hits_total{fate=\"stored\"}"), f64::from(sent) + 4.0);
    footfall.stop();
}
