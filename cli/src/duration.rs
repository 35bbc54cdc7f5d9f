//! Durations as people write them, and times as they read them.

use std::time::{Duration, UNIX_EPOCH};

/// The last second of the year 9999, after which RFC 3339 has no notation.
const LAST: u64 = 253_402_300_799;

/// Whole seconds of a text such as `90s`, `15m`, `12h`, `3d`, `2w`.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let help = "write a number and its unit: 90s, 15m, 12h, 3d, 2w";
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("the unit is missing; {help}"));
    }
    let duration = humantime::parse_duration(text).map_err(|_| help.to_owned())?;
    if duration.subsec_nanos() != 0 {
        return Err(format!("only whole seconds are possible; {help}"));
    }
    Ok(duration.as_secs())
}

/// A duration that is not zero.
pub(crate) fn parse_some(text: &str) -> Result<u64, String> {
    match parse(text)? {
        0 => Err("it would be over before it begins; give a longer time".to_owned()),
        seconds => Ok(seconds),
    }
}

/// A difference between clocks that the library tolerates.
pub(crate) fn parse_skew(text: &str) -> Result<u64, String> {
    match parse(text)? {
        seconds if seconds > bulla::MAX_SKEW => {
            Err("at most 1h is possible; set the clocks".to_owned())
        }
        seconds => Ok(seconds),
    }
}

/// The greatest age of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MaxAge(pub(crate) Option<u64>);

/// A duration, or `none`.
pub(crate) fn parse_max_age(text: &str) -> Result<MaxAge, String> {
    if text == "none" {
        return Ok(MaxAge(None));
    }
    parse(text)
        .map(|seconds| MaxAge(Some(seconds)))
        .map_err(|error| format!("{error}, or none"))
}

/// A time in seconds since 1970 as RFC 3339 text in UTC.
pub(crate) fn time(seconds: u64) -> String {
    // A stranger chose the number: beyond this the notation, and SystemTime, have an end.
    if seconds > LAST {
        return format!("after the year 9999 ({seconds} seconds since 1970)");
    }
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        for (text, seconds) in [
            ("90s", 90),
            ("15m", 900),
            ("12h", 43_200),
            ("3d", 259_200),
            ("2w", 1_209_600),
            ("1h 30m", 5400),
        ] {
            assert_eq!(parse(text), Ok(seconds));
        }
        for text in [
            "",
            "5",
            "0",
            "d",
            "3x",
            "-3d",
            "5ms",
            "99999999999999999999d",
            "99999999999999w",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse_some("0s").is_err());
        assert_eq!(parse_skew("1h"), Ok(bulla::MAX_SKEW));
        assert!(parse_skew("61m").is_err());
        assert_eq!(parse_max_age("none"), Ok(MaxAge(None)));
        assert_eq!(parse_max_age("1d"), Ok(MaxAge(Some(86_400))));
    }

    #[test]
    fn times_of_strangers_are_shown() {
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
        assert_eq!(time(1_800_000_000), "2027-01-15T08:00:00Z");
        assert_eq!(time(LAST), "9999-12-31T23:59:59Z");
        for seconds in [LAST + 1, u64::MAX] {
            assert!(time(seconds).starts_with("after"));
        }
    }
}
