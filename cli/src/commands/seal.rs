//! `seal`.

use bulla::{ArmorLabel, Padding, Sealer};

use super::writing::{self, TOO_LONG, WHOLE};
use crate::args::Seal;
use crate::failure::Failure;
use crate::identity;
use crate::input::Input;

pub(super) fn seal(args: &Seal) -> Result<(), Failure> {
    let recipients = identity::load(&args.to)?;
    let draft = writing::draft(&args.draft)?;
    let author = identity::of(&args.key)?;
    let padding = if args.no_padding {
        Padding::None
    } else {
        Padding::Padme
    };
    let sealer = Sealer::new(&author)
        .to_all(recipients.iter().map(|recipient| &recipient.identity))
        .padding(padding)
        .decoys(args.decoys);
    let mut input = Input::open(args.input.as_deref())?.with_progress_beside(&args.write.to);
    let output = writing::output(&args.write.to, args.write.armor)?;
    let label = args.write.armor.then_some(ArmorLabel::Envelope);
    writing::write(output, label, |out| {
        if args.stream {
            sealer.seal_io(&draft, input.length(), &mut input, out)?;
            return Ok(());
        }
        let content = input.read_all(WHOLE, TOO_LONG)?;
        writing::write_bytes(out, &sealer.seal(&draft, &content)?)
    })
}
