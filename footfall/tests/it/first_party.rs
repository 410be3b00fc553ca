//! `deploy/nginx/first-party.conf` in a real nginx before the real program, with a real Chromium as the client. A page
//! on the site's own host is counted by the address that nginx sees, until its visitor presses the button of
//! `/opt-out`.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::footfall::{Footfall, noon_zone, ureq_agent};

/// nginx in the foreground. It ends when this is dropped.
struct Nginx {
    child: Child,
    port: u16,
    _dir: TempDir,
}

impl Nginx {
    fn before(footfall: &Footfall) -> Nginx {
        let dir = TempDir::new().unwrap();
        let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/nginx/first-party.conf");
        let recipe = std::fs::read_to_string(recipe).unwrap().replace("127.0.0.1:8000", &footfall.address());
        let at = |name: &str| format!("{}/{name}", dir.path().display());
        std::fs::write(at("first-party.conf"), recipe).unwrap();
        let page = "<!doctype html><title>shop</title><h1>Shop</h1>\
                    <script defer src=\"/stats/footfall.js\" data-domain=\"example.org\"></script>";
        std::fs::write(at("index.html"), page).unwrap();
        let port = testbed::free_port();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|of| format!("{of}_temp_path {};", at(of)))
            .join("\n");
        let conf = format!(
            "daemon off; pid {}; error_log /dev/null crit; events {{}}\nhttp {{ access_log off; default_type text/html; {temporary}\n\
             server {{ listen 127.0.0.1:{port}; root {};\ninclude {};\n}} }}",
            at("pid"),
            dir.path().display(),
            at("first-party.conf"),
        );
        std::fs::write(at("nginx.conf"), conf).unwrap();
        let child = Command::new("nginx")
            .args(["-q", "-c", &at("nginx.conf"), "-p", &at("")])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let nginx = Nginx { child, port, _dir: dir };
        let began = Instant::now();
        while nginx.get("/").0 != 200 {
            assert!(began.elapsed() < Duration::from_secs(30), "nginx does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        nginx
    }

    fn get(&self, path: &str) -> (u16, String) {
        let answer = ureq_agent().get(format!("http://127.0.0.1:{}{path}", self.port)).call();
        answer.map_or((0, String::new()), |mut answer| {
            (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap_or_default())
        })
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let _gone_already = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ended = self.child.wait();
    }
}

#[test]
fn a_first_party_page_is_counted_until_its_visitor_objects() {
    let mut footfall = Footfall::start(&format!("time_zone = \"{}\"", noon_zone()));
    let nginx = Nginx::before(&footfall);
    assert_eq!(nginx.get("/stats/opt-out/status").1, r#"{"opted_out":false,"gpc":false,"dnt":false,"counted":true}"#);
    for hidden in ["/stats/", "/stats/api/sites", "/stats/api/views", "/stats/api/openapi.json", "/stats/api/v2/query"]
    {
        assert_eq!(nginx.get(hidden).0, 404, "{hidden} is not for visitors");
    }

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/opt_out.mjs");
    let output = Command::new("node").arg(script).arg(format!("http://127.0.0.1:{}", nginx.port)).output().unwrap();
    let output_text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{output_text}\n{}", footfall.log_text());

    // Stored: the page before the objection, and the one after the objection was withdrawn. Refused: the hits that the
    // script sent with the cookie.
    assert_eq!(footfall.metric("footfall_hits_total{fate=\"stored\"}"), 2.0);
    assert_eq!(footfall.metric("footfall_hits_total{fate=\"opt_out\"}"), 3.0);
    footfall.stop();
}
