use testbed::clickhouse::Engine;

#[tokio::test]
async fn an_engine_has_its_data_after_a_kill() {
    let mut engine = Engine::start(testbed::program()).await;
    engine.client().query("CREATE TABLE numbers (x UInt8) ENGINE = MergeTree ORDER BY x").execute().await.unwrap();
    engine.client().query("INSERT INTO numbers VALUES (7)").execute().await.unwrap();
    engine.kill();
    let ask = async |engine: &Engine| engine.client().query("SELECT x FROM numbers").fetch_all::<u8>().await;
    ask(&engine).await.unwrap_err();
    engine.run().await;
    assert_eq!(ask(&engine).await.unwrap(), [7]);
}
