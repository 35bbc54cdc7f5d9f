//! `sign`.

use bulla::{ArmorLabel, Sealer};

use super::writing::{self, TOO_LONG, WHOLE};
use crate::args::Sign;
use crate::failure::Failure;
use crate::identity;
use crate::input::Input;

pub(super) fn sign(args: &Sign) -> Result<(), Failure> {
    let draft = writing::draft(&args.draft)?;
    let author = identity::of(&args.key)?;
    let sealer = Sealer::new(&author);
    let mut input = Input::open(args.input.as_deref())?.with_progress_beside(&args.write.to);
    let output = writing::output(&args.write.to, args.write.armor)?;
    let label = args.write.armor.then_some(ArmorLabel::Envelope);
    writing::write(output, label, |out| {
        if args.detached {
            let mut signer = sealer.sign_detached_stream(&draft);
            input.each_piece(|piece| {
                signer.update(piece);
                Ok(())
            })?;
            let mut envelope = Vec::new();
            signer.finish(&mut envelope)?;
            return writing::write_bytes(out, &envelope);
        }
        if args.stream {
            sealer.sign_io(&draft, input.length(), &mut input, out)?;
            return Ok(());
        }
        let content = input.read_all(WHOLE, TOO_LONG)?;
        writing::write_bytes(out, &sealer.sign(&draft, &content)?)
    })
}
