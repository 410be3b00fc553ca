//! What the commands say: each file in `tests/cmd` shows a command and, word for word, its answer.
//!
//! To take over a wanted change: `TRYCMD=overwrite cargo test --release -p footfall --test it commands`.

#[test]
fn the_commands_answer_as_written_down() {
    let cases = trycmd::TestCases::new();
    cases.env("HOME", "/home/someone");
    for unset in
        ["XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "CLICKHOUSE_URL", "FOOTFALL_LOG", "FOOTFALL_INSTANCE", "KAFKA_PASSWORD"]
    {
        cases.env(unset, "");
    }
    cases.case("tests/cmd/*.trycmd");
}
