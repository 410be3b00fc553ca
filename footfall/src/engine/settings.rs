//! The embedded ClickHouse's own configuration: little memory, no logs, and one secret path that is answered.

use std::io;
use std::path::Path;

/// Writes the configuration to `path`. `key` is the only URL path that ClickHouse answers.
pub(super) fn write(path: &Path, key: &str) -> io::Result<()> {
    super::write_private(path, text(key).as_bytes())
}

/// No crash reports, no logs, and memory bounded for a small machine.
fn text(key: &str) -> String {
    format!(
        "<clickhouse>
    <logger><console>false</console></logger>
    <send_crash_reports><enabled>false</enabled></send_crash_reports>
    <listen_host>127.0.0.1</listen_host>
    <timezone>UTC</timezone>
    <max_server_memory_usage>2147483648</max_server_memory_usage>
    <mark_cache_size>67108864</mark_cache_size>
    <uncompressed_cache_size>0</uncompressed_cache_size>
    <max_connections>128</max_connections>
    <max_concurrent_queries>64</max_concurrent_queries>
    <background_pool_size>2</background_pool_size>
    <background_merges_mutations_concurrency_ratio>2</background_merges_mutations_concurrency_ratio>
    <background_schedule_pool_size>4</background_schedule_pool_size>
    <http_handlers>
        <rule>
            <url>{key}</url>
            <methods>GET,POST</methods>
            <handler><type>dynamic_query_handler</type><query_param_name>query</query_param_name></handler>
        </rule>
    </http_handlers>
</clickhouse>
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_sends_no_crash_reports_and_answers_one_path() {
        let text = text("/k-secret");
        assert!(text.contains("<send_crash_reports><enabled>false</enabled>"));
        assert_eq!(text.matches("<url>").count(), 1);
        assert!(text.contains("<url>/k-secret</url>") && text.contains("<listen_host>127.0.0.1</listen_host>"));
    }
}
