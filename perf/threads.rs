//! CPU time of this process's threads by name, as the kernel counts it.

use std::collections::BTreeMap;

/// Nanoseconds on a CPU by thread name; threads of one name are summed up.
pub(crate) fn cpu_ns() -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return sums };
    for task in tasks.flatten() {
        let read = |file: &str| std::fs::read_to_string(task.path().join(file)).ok();
        let (Some(name), Some(times)) = (read("comm"), read("schedstat")) else { continue };
        let on_cpu = times.split(' ').next().and_then(|first| first.parse::<u64>().ok());
        *sums.entry(name.trim().to_owned()).or_insert(0) += on_cpu.unwrap_or(0);
    }
    sums
}

/// What was added since `before`, by thread name.
pub(crate) fn since(before: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let added = |(name, now): (String, u64)| {
        let earlier = before.get(&name).copied().unwrap_or(0);
        (name, now.saturating_sub(earlier))
    };
    cpu_ns().into_iter().map(added).collect()
}
