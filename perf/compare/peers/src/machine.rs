//! The machine by what it is; it has no name.

use std::fs;
use std::process::Command;

use crate::subjects::{PYTHON, commit, first_line, locked};

/// What else the machine had to do in the last minutes.
pub fn load_average() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// `load_before` is the load average before the first round.
pub fn card(rounds: u32, load_before: String) -> String {
    let memory = field("/proc/meminfo", "MemTotal");
    let gib = memory.split(' ').next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) >> 20;
    let governor = fs::read_to_string("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    let crates = ["barter-data", "fastwebsockets", "rtrb", "serde_json", "sonic-rs", "tokio"];
    let crates = crates.iter().chain(&["tokio-tungstenite"]);
    let crates = crates.map(|name| format!("{name} {}", locked(name))).collect::<Vec<_>>();
    let rows = [
        ("when", first_line("date", &["-u", "+%Y-%m-%d %H:%M UTC"])),
        ("tickwire", commit()),
        ("CPU", field("/proc/cpuinfo", "model name")),
        ("cores", first_line("nproc", &["--all"])),
        ("memory", format!("{gib} GiB")),
        ("hypervisor", first_line("sh", &["-c", "lscpu | sed -n 's/^Hypervisor vendor: *//p'"])),
        ("kernel", first_line("uname", &["-sr"])),
        ("governor", governor.unwrap_or_default().trim().to_owned()),
        ("load average before", load_before),
        ("pinning", "what is measured on core 0, the load on core 1".to_owned()),
        ("build of tickwire", "its release profile".to_owned()),
        ("build of the Rust peers", "fat LTO, one unit, `-C target-cpu=native`".to_owned()),
        ("rustc", first_line("rustc", &["--version"])),
        ("crates", crates.join(", ")),
        ("node", first_line("node", &["-v"])),
        ("Python", first_line(PYTHON, &["--version"])),
        ("Python packages", packages()),
    ];
    let mut card = format!(
        "# The machine\n\nWritten by `perf/compare/run --rounds {rounds}`.\n\n| | |\n|---|---|\n"
    );
    for (what, value) in rows {
        let value = if value.is_empty() { "unknown" } else { &value };
        card.push_str(&format!("| {what} | {value} |\n"));
    }
    card
}

fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_once(':')).map_or("", |(_, value)| value.trim()).to_owned()
}

/// All that pip has installed, with what the named ones brought along.
fn packages() -> String {
    let freeze = ["-m", "pip", "freeze", "--disable-pip-version-check"];
    let output = Command::new(PYTHON).args(freeze).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.unwrap_or_default()
        .lines()
        .map(|line| line.replace("==", " "))
        .collect::<Vec<_>>()
        .join(", ")
}
