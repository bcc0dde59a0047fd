//! CPU time as the scheduler counts it, in nanoseconds; `stat` and its like round to hundredths of
//! a second.

use anyhow::Context;

/// What the threads of a process that still run were on a CPU.
pub fn of_process(process: u32) -> anyhow::Result<u64> {
    let mut sum = 0;
    let tasks = std::fs::read_dir(format!("/proc/{process}/task"));
    for task in tasks.context("the process has ended")? {
        // A thread that has just ended has no file any more.
        let Ok(times) = std::fs::read_to_string(task?.path().join("schedstat")) else { continue };
        sum += on_cpu(&times)?;
    }
    Ok(sum)
}

/// The same of this process.
pub fn of_this_process() -> anyhow::Result<u64> {
    of_process(std::process::id())
}

/// The same of the calling thread alone.
pub fn of_this_thread() -> anyhow::Result<u64> {
    on_cpu(&std::fs::read_to_string("/proc/thread-self/schedstat")?)
}

fn on_cpu(times: &str) -> anyhow::Result<u64> {
    times.split(' ').next().unwrap_or_default().parse().context("no times of a thread")
}
