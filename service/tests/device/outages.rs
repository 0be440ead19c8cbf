//! What a device sees of a token that is out of order.

use std::time::{Duration, Instant};

// So that cargo builds the module.
use obstinate_module as _;
use symbolon_protocol::device::problem::ProblemCode;
use symbolon_service::sessions::EndResult;

use crate::house::{anybody, with_obstinate_service};
use crate::test_device::TestDevice;

/// Longer than the longest pause of a token that is tried again.
const SOON: Duration = Duration::from_secs(60);

#[test]
fn a_login_whose_half_the_token_owes_is_refused_in_time_and_completes_afterwards() {
    with_obstinate_service(
        "outages::a_login_whose_half_the_token_owes_is_refused_in_time_and_completes_afterwards",
        async |house, commands| {
            for (number, command) in (1..).zip(["hang C_Sign", "fail C_UnwrapKey 50", "remove"]) {
                let device = TestDevice::enrolled(&house, number).await;
                let session = house.ask_login(anybody()).await;
                let transaction = device.fetch(&house, session).await.unwrap();
                let confirm = device.half(&house, &transaction, 7).await;
                std::fs::write(&commands, command).unwrap();
                let asked = Instant::now();
                let problem = house
                    .call(device.fingerprint(), session, &confirm)
                    .await
                    .unwrap_err();
                assert_eq!(problem.code, ProblemCode::Unavailable, "{command}");
                assert_eq!(problem.status, 503, "{command}");
                assert!(problem.retry_after_seconds.is_some(), "{command}");
                assert!(asked.elapsed() < Duration::from_secs(5), "{command}");
                // What needs no token is answered all the while.
                device.fetch(&house, session).await.unwrap();

                std::fs::remove_file(&commands).unwrap();
                let deadline = Instant::now() + SOON;
                while let Err(problem) = house.call(device.fingerprint(), session, &confirm).await {
                    assert_eq!(problem.code, ProblemCode::Unavailable, "{command}");
                    assert!(Instant::now() < deadline, "{command}: {problem:?}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                assert_eq!(house.result(session).await.end_result, EndResult::Ok);
            }
        },
    );
}
