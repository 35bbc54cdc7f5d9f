//! Names of Rust as C writes them.

/// "NotForMe" as "BULLA_NOT_FOR_ME".
pub(crate) fn macro_name(name: &str) -> String {
    let mut made = String::from("BULLA");
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            made.push('_');
        }
        made.push(letter.to_ascii_uppercase());
    }
    made
}

#[cfg(test)]
mod tests {
    use super::macro_name;

    #[test]
    fn words_are_told_apart() {
        assert_eq!(macro_name("NotForMe"), "BULLA_NOT_FOR_ME");
        assert_eq!(macro_name("Io"), "BULLA_IO");
    }
}
