//! Which capabilities a process keeps: a container's usual ones, plus and minus what it asks for.

use rustix::thread::CapabilitySet;

use crate::job::Security;

/// What containers have by default on Kubernetes.
const DEFAULT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::MKNOD)
    .union(CapabilitySet::AUDIT_WRITE)
    .union(CapabilitySet::SETFCAP);

/// What a process with these wishes has.
pub(super) fn kept(security: &Security) -> CapabilitySet {
    let mut kept = DEFAULT;
    kept.remove(named(&security.drop_capabilities));
    kept.insert(named(&security.add_capabilities));
    kept
}

/// What a process with these wishes must lose.
pub(super) fn dropped(security: &Security) -> CapabilitySet {
    CapabilitySet::all().difference(kept(security))
}

/// The set of these names, with or without `CAP_`; `ALL` is every one, and an unknown name is none.
fn named(names: &[String]) -> CapabilitySet {
    let mut set = CapabilitySet::empty();
    for name in names {
        let name = name.to_ascii_uppercase();
        let name = name.strip_prefix("CAP_").unwrap_or(&name);
        set.insert(if name == "ALL" {
            CapabilitySet::all()
        } else {
            CapabilitySet::from_name(name).unwrap_or(CapabilitySet::empty())
        });
    }
    set
}

#[cfg(test)]
mod tests {
    use rustix::thread::CapabilitySet;

    use super::DEFAULT;
    use super::dropped;
    use crate::job::Security;

    #[test]
    fn wishes_change_the_usual_set() {
        let all = CapabilitySet::all();
        let rows: [(&[&str], &[&str], CapabilitySet); 5] = [
            (&[], &[], all.difference(DEFAULT)),
            (&[], &["ALL"], all),
            (
                &["SYS_ADMIN"],
                &[],
                all.difference(DEFAULT | CapabilitySet::SYS_ADMIN),
            ),
            (
                &["cap_net_admin"],
                &["ALL"],
                all.difference(CapabilitySet::NET_ADMIN),
            ),
            (
                &["NO_SUCH"],
                &["KILL"],
                all.difference(DEFAULT) | CapabilitySet::KILL,
            ),
        ];
        for (add, drop, lost) in rows {
            let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            let security = Security {
                add_capabilities: names(add),
                drop_capabilities: names(drop),
                ..Security::default()
            };
            assert_eq!(dropped(&security), lost, "{add:?} {drop:?}");
        }
    }
}
