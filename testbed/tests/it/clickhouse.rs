use testbed::clickhouse::Engine;

#[tokio::test]
async fn it_has_its_data_after_a_kill() {
    let mut engine = Engine::start(testbed::program()).await;
    engine.client().query("CREATE TABLE kept (x UInt8) ENGINE = MergeTree ORDER BY x").execute().await.unwrap();
    engine.client().query("INSERT INTO kept VALUES (7)").execute().await.unwrap();
    engine.kill();
    let ask = async |engine: &Engine| engine.client().query("SELECT x FROM kept").fetch_all::<u8>().await;
    ask(&engine).await.unwrap_err();
    engine.run().await;
    assert_eq!(ask(&engine).await.unwrap(), [7]);
}
