//! `tickwire decode`

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, stdin};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use tickwire::decode::{DecodeError, DecodeOptions, run};
use tickwire::instrument::ExchangeId;

use super::output::Out;
use super::{WrongUse, exchange};

#[derive(Debug, Args)]
pub(super) struct DecodeArguments {
    /// Whose frames they are.
    #[arg(long, value_parser = exchange)]
    exchange: ExchangeId,
    /// A recorded answer to a request for a book, named ANYTHING-SYMBOL.rest.json; repeatable.
    #[arg(long, value_name = "FILE")]
    rest: Vec<PathBuf>,
    /// Totals instead of events.
    #[arg(long)]
    summary: bool,
    /// The capture: `<receive time in ns> <frame>` a line; `-` is standard input.
    capture: PathBuf,
}

/// Prints the events of a capture, or its totals.
pub(super) fn decode(arguments: DecodeArguments) -> anyhow::Result<ExitCode> {
    let input = open(&arguments.capture)?;
    let output = BufWriter::new(Out);
    let options = DecodeOptions {
        exchange: arguments.exchange,
        rest: arguments.rest,
        summary: arguments.summary,
    };
    match run(&options, input, output) {
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(
            error @ (DecodeError::RestFile { .. }
            | DecodeError::RestBody { .. }
            | DecodeError::RestUnused { .. }),
        ) => Err(WrongUse(error.to_string()).into()),
        Err(DecodeError::Output(error)) => Err(error.into()),
        Err(error) => Err(error.into()),
    }
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, WrongUse> {
    if path == Path::new("-") {
        return Ok(Box::new(stdin().lock()));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(BufReader::with_capacity(1 << 20, file))),
        Err(error) => Err(WrongUse(format!("{}: cannot be read: {error}", path.display()))),
    }
}
