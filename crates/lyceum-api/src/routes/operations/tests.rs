use crate::testing::Site;

#[tokio::test]
async fn the_hub_says_how_it_is() {
    let site = Site::new().await;
    assert_eq!(site.get("/healthz", None, &[]).await.expect(200).body, "ok\n");
    assert_eq!(site.get("/readyz", None, &[]).await.expect(200).body, "ready\n");
    let metrics = site.get("/metrics", None, &[]).await.expect(200);
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    assert!(text.contains("_count{method=\"GET\",route=\"/healthz\",status=\"200\"} 1\n"), "{text}");
}
