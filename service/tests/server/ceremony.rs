//! `symbolon-service ca init`, and what `init` makes of it.

use std::process::Command;

use serde_json::Value;

use crate::program::Installation;
use crate::softhsm::with_token;

fn contents(installation: &Installation) -> [Vec<u8>; 2] {
    ["root.pem", "issuing.pem"]
        .map(|name| std::fs::read(installation.path("certificates").join(name)).unwrap())
}

#[test]
fn authorities_are_made_once_and_their_fingerprints_told() {
    with_token(
        "ceremony::authorities_are_made_once_and_their_fingerprints_told",
        |house| {
            let installation = Installation::bare(house);
            let output = installation.run(&["ca", "init", "--json"]);
            assert!(output.status.success(), "{output:?}");
            let told: Value = serde_json::from_slice(&output.stdout).unwrap();
            let authorities = told["authorities"].as_array().unwrap();
            assert_eq!(authorities.len(), 2);
            for authority in authorities {
                let print = ["x509", "-noout", "-fingerprint", "-sha256", "-in"];
                let openssl = Command::new("openssl")
                    .args(print)
                    .arg(authority["file"].as_str().unwrap())
                    .output()
                    .unwrap();
                let text = String::from_utf8(openssl.stdout).unwrap();
                assert!(
                    text.contains(authority["sha256"].as_str().unwrap()),
                    "{text}"
                );
            }
            let made = contents(&installation);

            let again = installation.run(&["ca", "init"]);
            assert!(!again.status.success() && again.stdout.is_empty());
            let errors = String::from_utf8_lossy(&again.stderr);
            assert!(errors.contains("root.pem already"), "{errors}");

            installation.must(&["init"]);
            assert_eq!(contents(&installation), made);
            installation.must(&["check"]);
        },
    );
}
