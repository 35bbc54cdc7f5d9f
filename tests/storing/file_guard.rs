//! A guard for one message in a small file, for several processes. Not durable against a crash of the machine: these tests
//! kill processes only.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use bulla::{Claim, Claimed, Digest, ErrorKind, LeaseToken, Rate, ReplayGuard, Result};

pub(crate) struct FileGuard(PathBuf);

/// What the file says: the last token, until when it holds, and the receipt if it is committed.
#[derive(Default)]
struct Record {
    number: u64,
    until: u64,
    receipt: Option<Vec<u8>>,
}

impl FileGuard {
    pub(crate) fn new(path: &Path) -> Self {
        Self(path.to_path_buf())
    }

    fn step<T>(&self, change: impl FnOnce(&mut Record) -> Result<T>) -> Result<T> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&self.0)?;
        file.lock()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut record = Record::default();
        // Shorter only if it is new.
        if bytes.len() >= 18 {
            record.number = u64::from_be_bytes(bytes[0..8].try_into().unwrap());
            record.until = u64::from_be_bytes(bytes[8..16].try_into().unwrap());
            record.receipt = (bytes[16] == 1).then(|| bytes[18..].to_vec());
        }
        let answer = change(&mut record)?;
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&record.number.to_be_bytes());
        bytes.extend_from_slice(&record.until.to_be_bytes());
        bytes.extend_from_slice(&[u8::from(record.receipt.is_some()), 0]);
        bytes.extend_from_slice(&record.receipt.unwrap_or_default());
        write(&mut file, &bytes)?;
        Ok(answer)
    }
}

/// In one call, which a kill does not cut for so few bytes.
fn write(file: &mut File, bytes: &[u8]) -> Result<()> {
    file.rewind()?;
    file.write_all(bytes)?;
    Ok(())
}

impl ReplayGuard for FileGuard {
    fn observe(&self, now: u64) -> Result<u64> {
        Ok(now)
    }

    fn claim(&self, claim: &Claim, now: u64, lease: Option<u64>) -> Result<Claimed> {
        self.step(|record| {
            if let Some(receipt) = &record.receipt {
                return Ok(Claimed::Same(receipt.clone()));
            }
            if record.until > now {
                return Ok(Claimed::Pending);
            }
            record.number += 1;
            record.until = now + lease.unwrap();
            Ok(Claimed::New(LeaseToken {
                key: claim.key,
                number: record.number,
            }))
        })
    }

    fn commit(&self, token: &LeaseToken, receipt: &[u8]) -> Result<()> {
        self.step(|record| {
            if record.number != token.number || record.receipt.is_some() || record.until == 0 {
                return Err(ErrorKind::LeaseLost.into());
            }
            record.receipt = Some(receipt.to_vec());
            Ok(())
        })
    }

    fn release(&self, token: &LeaseToken) -> Result<()> {
        self.step(|record| {
            if record.number != token.number || record.receipt.is_some() {
                return Err(ErrorKind::LeaseLost.into());
            }
            record.until = 0;
            Ok(())
        })
    }

    fn renew(&self, token: &LeaseToken, now: u64, lease: u64) -> Result<()> {
        self.step(|record| {
            if record.number != token.number || record.receipt.is_some() {
                return Err(ErrorKind::LeaseLost.into());
            }
            record.until = now + lease;
            Ok(())
        })
    }

    fn sweep(&self, _: u64, _: usize) -> Result<usize> {
        Ok(0)
    }

    fn expect(&self, _: &Digest, _: u64, _: u64) -> Result<()> {
        Err(ErrorKind::GuardUnavailable.into())
    }

    fn missing(&self, _: &Digest) -> Result<Vec<RangeInclusive<u64>>> {
        Ok(Vec::new())
    }

    fn skip(&self, _: &Digest, _: u64) -> Result<()> {
        Ok(())
    }

    fn forget_stream(&self, _: &Digest) -> Result<bool> {
        Ok(false)
    }

    fn permit(&self, _: &Digest, _: u64, _: Rate) -> Result<bool> {
        Ok(true)
    }
}
