//! The output of the commands: each file in `tests/cmd` holds commands and, word for word, their output.
//!
//! To accept a change: `TRYCMD=overwrite cargo test --release -p footfall --test it commands`.

#[test]
fn the_output_of_each_command_is_as_recorded() {
    let cases = trycmd::TestCases::new();
    cases.env("HOME", "/home/someone");
    for unset in
        ["XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "CLICKHOUSE_URL", "FOOTFALL_LOG", "FOOTFALL_INSTANCE", "KAFKA_PASSWORD"]
    {
        cases.env(unset, "");
    }
    cases.case("tests/cmd/*.trycmd");
}
