//! The fake passes the part of the conformance suite that needs no real processes.

use std::sync::Arc;

use windlass_executor::conformance::Profile;
use windlass_executor::conformance::run_all;
use windlass_executor::fake::Fake;

#[tokio::test]
async fn the_fake_conforms() {
    let report = run_all(&|| Arc::new(Fake::new()), Profile::default()).await;
    assert_eq!(report.failures().count(), 0, "{report}");
    let passed = report.to_string();
    assert!(passed.contains("steps run in order"), "{report}");
}
