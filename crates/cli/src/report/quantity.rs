//! Sizes and ages, as people read them.

/// Units of sizes, each a thousand of the one before, as registries and disks count.
const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];

/// A size with three digits that matter.
pub(crate) fn size(bytes: u64) -> String {
    let (mut whole, mut rest, mut unit) = (bytes, 0, 0);
    while whole >= 1_000 && unit + 1 < UNITS.len() {
        rest = whole % 1_000;
        whole /= 1_000;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    if unit == 0 || whole >= 100 {
        format!("{whole} {name}")
    } else {
        format!("{whole}.{} {name}", rest / 100)
    }
}

/// An age in its largest whole unit.
pub(crate) fn age(seconds: u64) -> String {
    let rows = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let row = rows.into_iter().find(|(length, _)| seconds >= *length);
    match row {
        None => "just now".to_owned(),
        Some((length, name)) => {
            let count = seconds / length;
            format!("{} ago", counted(count, name))
        }
    }
}

/// `1 layer`, `2 layers`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}

/// Reads a size: a number, and a unit of a thousand (`GB`, `G`) or of 1024 (`GiB`).
pub(crate) fn read_size(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "" | "B" => Some(1),
        "k" | "K" | "kB" | "KB" => Some(1_000),
        "M" | "MB" => Some(1_000_000),
        "G" | "GB" => Some(1_000_000_000),
        "T" | "TB" => Some(1_000_000_000_000),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        "TiB" => Some(1 << 40),
        _ => None,
    };
    let bytes = factor.and_then(|factor: u64| number.parse::<u64>().ok()?.checked_mul(factor));
    bytes.ok_or_else(|| "a size is a whole number and a unit: 500MB, 20GB, 8GiB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ages_are_short() {
        let sizes = [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (12_345_678, "12.3 MB"),
            (999_999_999, "999 MB"),
            (20_000_000_000, "20.0 GB"),
            (u64::MAX, "18446744 TB"),
        ];
        for (given, then) in sizes {
            assert_eq!(size(given), then);
        }
        let ages = [
            (0, "just now"),
            (60, "1 minute ago"),
            (7_300, "2 hours ago"),
            (200_000, "2 days ago"),
        ];
        for (given, then) in ages {
            assert_eq!(age(given), then);
        }
        let texts = [
            ("20GB", Some(20_000_000_000)),
            ("8 GiB", Some(8 << 30)),
            ("7", Some(7)),
            ("x", None),
            ("1.5GB", None),
            ("99999999999TB", None),
        ];
        for (given, then) in texts {
            assert_eq!(read_size(given).ok(), then, "{given}");
        }
    }
}
