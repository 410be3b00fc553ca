//! The compared system: ClickHouse's Kafka engine with materialized views into event rows and hourly `uniq` states.

use std::time::{Duration, Instant};

use kafka::Connection;
use kafka::rdkafka::error::{KafkaError, RDKafkaErrorCode};
use kafka::rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use load_tests::processes::cpu_seconds;
use load_tests::synthetic::{Names, View};
use schema::event::Event;
use testbed::clickhouse::Engine;
use testbed::kafka::Broker;
use tokio::runtime::Runtime;

use crate::{PARTITIONS, rate, seconds_since};

/// The format of messages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// 700 hits per message, as RowBinary.
    Packed,
    /// One hit per message, as JSON.
    Json,
}

const PACKED: usize = 700;
const COLUMNS: &str = "site UInt32, time UInt32, visitor UInt64, page String, source LowCardinality(String), \
                       channel LowCardinality(String), country LowCardinality(String), region LowCardinality(String), \
                       device LowCardinality(String), browser LowCardinality(String), os LowCardinality(String), \
                       language LowCardinality(String), screen LowCardinality(String)";

/// Measures one format; returns thousands of hits per second of ClickHouse's CPU.
pub(crate) fn measure(runtime: &Runtime, broker: &Broker, day: &[View], names: &Names, form: Form) -> f64 {
    let (topic, format, what) = match form {
        Form::Packed => ("peer-packed", "RowBinary", "Kafka engine, 700 hits a message"),
        Form::Json => ("peer-json", "JSONEachRow", "Kafka engine, one JSON hit a message"),
    };
    let _output = broker.tool(
        "org.apache.kafka.tools.TopicCommand",
        &["--create", "--topic", topic, "--partitions", &PARTITIONS.to_string()],
    );
    produce(broker, topic, day, names, form);
    let engine = runtime.block_on(Engine::start(testbed::program()));
    let client = engine.client();
    let run = |sql: String| runtime.block_on(async { client.query_raw(&sql).execute().await.expect("SQL runs") });
    run(format!("CREATE TABLE events ({COLUMNS}) ENGINE = MergeTree ORDER BY (site, time)"));
    run("CREATE TABLE hourly (site UInt32, hour UInt32, page String, source LowCardinality(String), \
         country LowCardinality(String), device LowCardinality(String), browser LowCardinality(String), \
         views SimpleAggregateFunction(sum, UInt64), visitors AggregateFunction(uniq, UInt64)) \
         ENGINE = AggregatingMergeTree ORDER BY (site, hour, page, source, country, device, browser)"
        .to_owned());
    run(format!(
        "CREATE TABLE queue ({COLUMNS}) ENGINE = Kafka SETTINGS kafka_broker_list = '{}', kafka_topic_list = '{topic}', \
         kafka_group_name = 'peer', kafka_format = '{format}', kafka_num_consumers = 1, kafka_max_block_size = 65536, \
         kafka_flush_interval_ms = 1000",
        broker.bootstrap()
    ));
    // ClickHouse reads the queue as soon as it has a view. So that view is made last, and feeds the other views.
    run(format!("CREATE TABLE source ({COLUMNS}) ENGINE = Null"));
    run("CREATE MATERIALIZED VIEW to_events TO events AS SELECT * FROM source".to_owned());
    run("CREATE MATERIALIZED VIEW to_hourly TO hourly AS SELECT site, intDiv(time, 3600) AS hour, page, source, country, \
         device, browser, count() AS views, uniqState(visitor) AS visitors FROM source \
         GROUP BY site, hour, page, source, country, device, browser"
        .to_owned());
    let (start, before) = (Instant::now(), cpu_seconds(engine.id()));
    run("CREATE MATERIALIZED VIEW feed TO source AS SELECT * FROM queue".to_owned());
    let count =
        |sql: &str| -> u64 { runtime.block_on(async { client.query(sql).fetch_one().await.expect("a count") }) };
    while count("SELECT count() FROM events") < day.len() as u64 {
        std::thread::sleep(Duration::from_millis(200));
        assert!(start.elapsed() < Duration::from_secs(900), "ClickHouse has not read all hits within 15 minutes");
    }
    let wall_s = seconds_since(start);
    std::thread::sleep(Duration::from_secs(5));
    let cpu_s = cpu_seconds(engine.id()) - before;
    assert_eq!(count("SELECT sum(views) FROM hourly"), day.len() as u64);
    let per_core = rate(day, cpu_s);
    println!("{what}: {:.0} k hits/s; {per_core:.0} k hits per second of CPU", rate(day, wall_s));
    per_core
}

fn produce(broker: &Broker, topic: &str, day: &[View], names: &Names, form: Form) {
    let connection = Connection { brokers: broker.bootstrap(), tls: None, login: None };
    let mut config = connection.producer("peer");
    let producer: ThreadedProducer<_> = config
        .set("linger.ms", "20")
        .set("queue.buffering.max.kbytes", "131072")
        .set("queue.buffering.max.messages", "1000000")
        .create()
        .expect("a producer");
    let mut message = Vec::new();
    for (n, chunk) in day.chunks(if form == Form::Packed { PACKED } else { 1 }).enumerate() {
        message.clear();
        for view in chunk {
            match form {
                Form::Packed => row_binary(&view.event(names), &mut message),
                Form::Json => json(&view.event(names), &mut message),
            }
        }
        let partition = (n as u32 % PARTITIONS) as i32;
        loop {
            let record = BaseRecord::<(), [u8], ()>::with_opaque_to(topic, ()).partition(partition).payload(&message);
            match producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err((error, _)) => panic!("{error}"),
            }
        }
    }
    producer.flush(Duration::from_secs(120)).expect("the broker acknowledges all messages");
}

fn row_binary(event: &Event<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(&event.site.to_le_bytes());
    out.extend_from_slice(&event.time_s.to_le_bytes());
    out.extend_from_slice(&event.tag.0.to_le_bytes());
    for text in texts(event) {
        let mut length = text.len();
        while length >= 0x80 {
            out.push(length as u8 | 0x80);
            length >>= 7;
        }
        out.push(length as u8);
        out.extend_from_slice(text.as_bytes());
    }
}

fn json(event: &Event<'_>, out: &mut Vec<u8>) {
    use std::io::Write;
    let [page, source, channel, country, region, device, browser, os, language, screen] = texts(event);
    let (site, time, visitor) = (event.site, event.time_s, event.tag.0);
    write!(
        out,
        "{{\"site\":{site},\"time\":{time},\"visitor\":{visitor},\"page\":\"{page}\",\"source\":\"{source}\",\
         \"channel\":\"{channel}\",\"country\":\"{country}\",\"region\":\"{region}\",\"device\":\"{device}\",\
         \"browser\":\"{browser}\",\"os\":\"{os}\",\"language\":\"{language}\",\"screen\":\"{screen}\"}}"
    )
    .expect("a write to memory does not fail");
}

fn texts<'a>(event: &Event<'a>) -> [&'a str; 10] {
    let (channel, device) = (event.channel.label(), event.device.label());
    let Event { page, source, country, region, browser, os, language, screen, .. } = *event;
    [page, source, channel, country, region, device, browser, os, language, screen]
}
