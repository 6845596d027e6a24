//! Sizes as people write them.

/// Parses a number of bytes with a unit: decimal as `kB`, `MB`, `GB`, `TB`, or binary as `KiB`, `MiB`, `GiB`, `TiB`.
pub fn parse_size(text: &str) -> Result<u64, &'static str> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1000,
        "mb" => 1000_u64.pow(2),
        "gb" => 1000_u64.pow(3),
        "tb" => 1000_u64.pow(4),
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return Err("the unit must be one of kB, MB, GB, TB, KiB, MiB, GiB, TiB"),
    };
    let number: f64 = number.parse().map_err(|_| "a size is a number with a unit, as in 500GiB")?;
    let bytes = number * factor as f64;
    // Sizes beyond 8 EiB are beyond every database and file system.
    if bytes >= i64::MAX as f64 {
        return Err("the size is too large");
    }
    Ok(bytes as u64)
}

#[cfg(test)]
mod tests;
