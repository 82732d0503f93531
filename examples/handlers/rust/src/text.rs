//! Texts of ../../README.md's handler: JSON, forms and cookies.

use std::collections::HashMap;

type Fields = HashMap<String, String>;

pub fn greet(name: &str) -> String {
    format!("{{\"hello\":{}}}", json_text(name))
}

pub fn json_text(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\0'..='\x1f' => out.push_str(&format!("\\u{:04x}", character as u32)),
            _ => out.push(character),
        }
    }
    out + "\""
}

/// Pairs of a form or of cookies; of a name that is there twice the first counts.
pub fn read_pairs(text: &str, separator: char) -> Fields {
    let mut fields = Fields::new();
    for pair in text.split(separator) {
        if let Some((name, value)) = pair.trim_start().split_once('=') {
            fields.entry(decode(name)).or_insert_with(|| decode(value));
        }
    }
    fields
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let escaped = (byte == b'%').then(|| after.get(..2)).flatten();
        match escaped.and_then(|two| std::str::from_utf8(two).ok()).and_then(hex) {
            Some(value) => {
                bytes.push(value as u8);
                rest = &after[2..];
            }
            None => bytes.push(if byte == b'+' { b' ' } else { byte }),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

pub fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{:02X}", byte) })
        .collect()
}

fn hex(digits: &str) -> Option<u32> {
    // `from_str_radix` takes a sign, too.
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

/// JSON: one object, whose values are texts (RFC 8259).
pub fn read_json(text: &str) -> Option<Fields> {
    let mut fields = Fields::new();
    let mut rest = take(text, '{')?;
    loop {
        let (name, after_name) = read_text(rest)?;
        let (value, after_value) = read_text(take(after_name, ':')?)?;
        fields.insert(name, value);
        match take(after_value, ',') {
            Some(after) => rest = after,
            None => return take(after_value, '}')?.trim().is_empty().then_some(fields),
        }
    }
}

fn take(text: &str, wanted: char) -> Option<&str> {
    text.trim_start_matches([' ', '\t', '\r', '\n']).strip_prefix(wanted)
}

fn read_text(text: &str) -> Option<(String, &str)> {
    let mut rest = take(text, '"')?;
    let mut read = String::new();
    loop {
        let character = rest.chars().next()?;
        rest = &rest[character.len_utf8()..];
        match character {
            '"' => return Some((read, rest)),
            '\\' => {
                let (meant, after) = read_escape(rest)?;
                read.push(meant);
                rest = after;
            }
            '\0'..='\x1f' => return None,
            _ => read.push(character),
        }
    }
}

fn read_escape(text: &str) -> Option<(char, &str)> {
    let escape = text.chars().next()?;
    let rest = &text[escape.len_utf8()..];
    let meant = match escape {
        '"' | '\\' | '/' => escape,
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return read_code_point(rest),
        _ => return None,
    };
    Some((meant, rest))
}

/// Four digits, and four more of what is made of two.
fn read_code_point(text: &str) -> Option<(char, &str)> {
    let first = hex(text.get(..4)?)?;
    let rest = &text[4..];
    let second = rest.strip_prefix("\\u").and_then(|after| hex(after.get(..4)?));
    match (first, second) {
        (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) => {
            Some((char::from_u32(0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00))?, &rest[6..]))
        }
        _ => Some((char::from_u32(first).unwrap_or('\u{fffd}'), rest)),
    }
}
