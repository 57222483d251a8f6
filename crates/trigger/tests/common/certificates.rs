//! Certificates for a test: an authority of its own, and what it signed for 127.0.0.1. Made by the program openssl.
//! All are in PEM form, keys as PKCS #8.
//! It leaves using them to the tests.

use std::{path::Path, process::Command};

/// Makes `ca.pem`, and `<name>.pem` with `<name>.key` for each name, in `folder`.
pub fn make(folder: &Path, names: &[&str]) {
    openssl(folder, "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=authority -days 2");
    std::fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1").unwrap();
    for name in names {
        openssl(folder, &format!("req -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}"));
        let sign = "-CA ca.pem -CAkey ca.key -CAcreateserial -extfile names -days 2";
        openssl(folder, &format!("x509 -req -in {name}.csr -out {name}.pem {sign}"));
    }
}

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl").current_dir(folder).args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}
