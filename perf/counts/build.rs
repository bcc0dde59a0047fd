//! Tells the program by what it was built: counts of instructions compare only where that is the same.

use std::process::Command;

fn main() {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let version = Command::new(variable("RUSTC")).arg("--version").output();
    let version = version.expect("the compiler runs that builds this");
    let version = String::from_utf8(version.stdout).expect("a version is text");
    let flags = variable("CARGO_ENCODED_RUSTFLAGS");
    let cpu = flags.rsplit("target-cpu=").next().filter(|_| flags.contains("target-cpu="));
    let cpu = cpu.and_then(|rest| rest.split('\u{1f}').next()).unwrap_or("default");
    println!("cargo:rustc-env=COUNTS_RUSTC={}", version.trim());
    println!("cargo:rustc-env=COUNTS_TARGET={}", variable("TARGET"));
    println!("cargo:rustc-env=COUNTS_TARGET_CPU={cpu}");
    println!("cargo:rerun-if-changed=build.rs");
}
