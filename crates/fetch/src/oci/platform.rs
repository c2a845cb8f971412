//! Which entry of an index is made for a machine. Pure.

use std::fmt;

use oci_spec::image::Descriptor;
use oci_spec::image::ImageIndex;

use super::source::Platform;

/// No entry of an index runs on the machine.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("it is not made for {wanted}, only for {available}")]
pub struct NoPlatform {
    /// The machine.
    pub wanted: String,
    /// What there is, or `nothing`.
    pub available: String,
}

impl Platform {
    /// The machine this program runs on. The variant of a 32-bit ARM is the one this program was built for.
    pub fn of_machine() -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "x86" => "386",
            "aarch64" => "arm64",
            "powerpc64" => "ppc64le",
            "loongarch64" => "loong64",
            other => other,
        };
        Self {
            // Images for other systems need a virtual machine, which runs Linux.
            os: "linux".to_owned(),
            architecture: architecture.to_owned(),
            variant: if architecture == "arm" { "v7" } else { "" }.to_owned(),
        }
    }

    /// The same machine in the one spelling that is compared.
    fn normalised(&self) -> Self {
        let variant = self.variant.to_ascii_lowercase();
        let (architecture, variant) =
            match (self.architecture.to_ascii_lowercase().as_str(), variant.as_str()) {
                ("x86_64" | "x86-64" | "amd64", "" | "v1") => ("amd64".to_owned(), ""),
                ("x86_64" | "x86-64" | "amd64", variant) => ("amd64".to_owned(), variant),
                ("i386" | "386", _) => ("386".to_owned(), ""),
                ("aarch64" | "arm64", "" | "8" | "v8" | "v8.0") => ("arm64".to_owned(), ""),
                ("aarch64" | "arm64", variant) => ("arm64".to_owned(), variant),
                ("armhf", _) | ("arm", "" | "7") => ("arm".to_owned(), "v7"),
                ("armel", _) | ("arm", "6") => ("arm".to_owned(), "v6"),
                ("arm", "5") => ("arm".to_owned(), "v5"),
                ("arm", "8") => ("arm".to_owned(), "v8"),
                (other, variant) => (other.to_owned(), variant),
            };
        Self {
            os: self.os.to_ascii_lowercase(),
            architecture,
            variant: variant.to_owned(),
        }
    }

    /// What the machine can run, best first: its own kind, then older variants, then the 32-bit kind beside it.
    fn runs(&self) -> Vec<Self> {
        let own = self.normalised();
        let made = |architecture: &str, variant: &str| Self {
            os: own.os.clone(),
            architecture: architecture.to_owned(),
            variant: variant.to_owned(),
        };
        let arm = |newest: u32| {
            (5..=newest)
                .rev()
                .map(|number| made("arm", &format!("v{number}")))
        };
        let level = |text: &str| {
            text.strip_prefix('v')
                .and_then(|number| number.parse::<u32>().ok())
                .filter(|number| *number <= 9)
        };
        let mut order = vec![own.clone()];
        match own.architecture.as_str() {
            "amd64" => {
                let older = (2..level(&own.variant).unwrap_or(1)).rev();
                order.extend(older.map(|number| made("amd64", &format!("v{number}"))));
                order.extend([made("amd64", ""), made("386", "")]);
            }
            "arm64" => {
                order.push(made("arm64", ""));
                order.extend(arm(8));
            }
            "arm" => order.extend(arm(level(&own.variant).unwrap_or(7).min(8))),
            _ => order.push(made(&own.architecture, "")),
        }
        order
    }
}

impl fmt::Display for Platform {
    /// `linux/arm/v7`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.os, self.architecture)?;
        if self.variant.is_empty() {
            return Ok(());
        }
        write!(formatter, "/{}", self.variant)
    }
}

/// The entry of an index that a machine runs best. An entry that names no platform is taken when no other fits.
pub fn choose<'a>(index: &'a ImageIndex, platform: &Platform) -> Result<&'a Descriptor, NoPlatform> {
    let entries: Vec<(Option<Platform>, &Descriptor)> = index
        .manifests()
        .iter()
        .map(|entry| (entry.platform().as_ref().map(platform_of), entry))
        .collect();
    let fitting = platform.runs().into_iter().find_map(|runs| {
        let fits = |made: &Option<Platform>| made.as_ref().is_some_and(|made| made.normalised() == runs);
        entries.iter().find(|(made, _)| fits(made))
    });
    let chosen = fitting.or_else(|| entries.iter().find(|(made, _)| made.is_none()));
    chosen.map(|(_, entry)| *entry).ok_or_else(|| NoPlatform {
        wanted: platform.to_string(),
        available: listed(entries.iter().filter_map(|(made, _)| made.as_ref())),
    })
}

fn platform_of(given: &oci_spec::image::Platform) -> Platform {
    Platform {
        os: given.os().to_string(),
        architecture: given.architecture().to_string(),
        variant: given.variant().clone().unwrap_or_default(),
    }
}

/// What images are made for, without the attestations that stand among them as `unknown/unknown`.
fn listed<'a>(platforms: impl Iterator<Item = &'a Platform>) -> String {
    let mut names: Vec<String> = Vec::new();
    for platform in platforms.filter(|platform| platform.os != "unknown") {
        let name: String = platform
            .to_string()
            .chars()
            .filter(char::is_ascii_graphic)
            .take(64)
            .collect();
        if !names.contains(&name) && names.len() < 20 {
            names.push(name);
        }
    }
    if names.is_empty() {
        return "nothing".to_owned();
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use oci_spec::image::ImageIndex;
    use serde_json::json;

    use super::Platform;
    use super::choose;

    fn platform(text: &str) -> Platform {
        let mut words = text.split('/').map(str::to_owned);
        Platform {
            os: words.next().unwrap(),
            architecture: words.next().unwrap(),
            variant: words.next().unwrap_or_default(),
        }
    }

    /// An index whose entries have their position as size.
    fn index(platforms: &[&str]) -> ImageIndex {
        let entries: Vec<_> = platforms
            .iter()
            .enumerate()
            .map(|(position, text)| {
                let mut entry = json!({
                    "mediaType": "application/vnd.oci.image.manifest.v1+json",
                    "digest": format!("sha256:{:064x}", position),
                    "size": position,
                });
                if !text.is_empty() {
                    let made = platform(text);
                    entry["platform"] = json!({"os": made.os, "architecture": made.architecture});
                    if !made.variant.is_empty() {
                        entry["platform"]["variant"] = json!(made.variant);
                    }
                }
                entry
            })
            .collect();
        serde_json::from_value(json!({"schemaVersion": 2, "manifests": entries})).unwrap()
    }

    #[test]
    fn the_best_of_what_a_machine_can_run_is_chosen() {
        let rows: &[(&str, &[&str], Option<u64>)] = &[
            ("linux/amd64", &["linux/arm64", "linux/amd64"], Some(1)),
            ("linux/amd64", &["windows/amd64", "linux/amd64"], Some(1)),
            ("linux/amd64", &["linux/386"], Some(0)),
            ("linux/amd64", &["linux/386", "linux/amd64"], Some(1)),
            ("linux/amd64", &["linux/amd64/v3"], None),
            ("linux/amd64/v3", &["linux/amd64", "linux/amd64/v2"], Some(1)),
            ("linux/x86_64", &["linux/amd64/v1"], Some(0)),
            ("linux/386", &["linux/amd64"], None),
            ("linux/arm64", &["linux/arm/v7", "linux/arm64/v8"], Some(1)),
            ("linux/arm64/v8", &["linux/arm64"], Some(0)),
            ("linux/arm64", &["linux/arm/v6", "linux/arm/v7"], Some(1)),
            ("linux/aarch64", &["linux/arm64"], Some(0)),
            ("linux/arm/v7", &["linux/arm/v5", "linux/arm/v6"], Some(1)),
            ("linux/arm/v6", &["linux/arm/v7", "linux/arm/v5"], Some(1)),
            ("linux/arm/v6", &["linux/arm/v7", "linux/arm64"], None),
            ("linux/arm", &["linux/arm/v7"], Some(0)),
            ("linux/armhf", &["linux/arm"], Some(0)),
            ("linux/riscv64", &["linux/riscv64"], Some(0)),
            ("linux/s390x", &["linux/amd64"], None),
            ("linux/amd64", &["", "linux/amd64"], Some(1)),
            ("linux/amd64", &["linux/arm64", ""], Some(1)),
            ("linux/amd64", &["unknown/unknown"], None),
            ("linux/amd64", &[], None),
        ];
        for (machine, entries, expected) in rows {
            let index = index(entries);
            let chosen = choose(&index, &platform(machine)).ok();
            assert_eq!(
                chosen.map(oci_spec::image::Descriptor::size),
                *expected,
                "{machine} of {entries:?}"
            );
        }
    }

    #[test]
    fn what_there_is_instead_is_listed() {
        let rows: &[(&[&str], &str)] = &[
            (
                &[
                    "linux/arm64",
                    "windows/amd64",
                    "linux/arm/v7",
                    "linux/arm64",
                    "unknown/unknown",
                ],
                "it is not made for linux/amd64, only for linux/arm64, windows/amd64, linux/arm/v7",
            ),
            (
                &["unknown/unknown"],
                "it is not made for linux/amd64, only for nothing",
            ),
        ];
        for (entries, expected) in rows {
            let message = choose(&index(entries), &platform("linux/amd64"))
                .unwrap_err()
                .to_string();
            assert_eq!(message, *expected);
        }
    }
}
