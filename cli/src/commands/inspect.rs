//! `inspect`.

use std::io::Read;

use bulla::limits::MAX_HEADER;
use bulla::{ArmorLabel, Error, ErrorKind, Inspection, Kind, MaybeArmored};

use crate::args::Inspect;
use crate::failure::Failure;
use crate::input::Input;
use crate::terminal::print;

pub(super) fn inspect(args: &Inspect) -> Result<(), Failure> {
    let mut input = MaybeArmored::new(Input::open(args.input.as_deref())?, ArmorLabel::Envelope)
        .map_err(Error::from)?;
    let mut start = Vec::new();
    let mut step = 64;
    let found = loop {
        // More and more of it: most headers are short, and none is longer than 1 MiB.
        let read = (&mut input)
            .take(step)
            .read_to_end(&mut start)
            .map_err(Error::from)?;
        if let Some(found) = bulla::inspect(&start)? {
            break found;
        }
        if read == 0 || start.len() > MAX_HEADER {
            return Err(Failure::verdict(
                ErrorKind::Malformed,
                format!(
                    "{} (it ends inside the header)",
                    ErrorKind::Malformed.text()
                ),
            ));
        }
        step *= 2;
    };
    print(&describe(&found, input.is_armored()))
}

fn describe(found: &Inspection, armored: bool) -> String {
    let kind = match found.kind {
        Kind::Sealed => "sealed (encrypted and signed)",
        Kind::Signed => "signed, with its content inside",
        Kind::Detached => "signed, its content is beside it",
        _ => "unknown here",
    };
    let mut text = format!("kind           {kind}\nsuite          {}\n", found.suite);
    if found.kind == Kind::Sealed {
        text.push_str(&format!("recipients     {} at most\n", found.stanzas));
    }
    text.push_str(&format!(
        "header length  {} bytes\nheader digest  {}\narmored        {}\n",
        found.header_length,
        found.header_digest,
        if armored { "yes" } else { "no" },
    ));
    text
}
