//! Whether this machine, or its TPM, is a virtual one: a snapshot of it takes every count back.

use std::fs;

/// Vendors and products by which virtual machines name themselves in DMI, as in systemd's
/// `detect_vm_dmi_vendor`.
const VIRTUAL: [&str; 16] = [
    "KVM",
    "OpenStack",
    "KubeVirt",
    "Amazon EC2",
    "QEMU",
    "VMware",
    "VMW",
    "innotek GmbH",
    "VirtualBox",
    "Xen",
    "Bochs",
    "Parallels",
    "BHYVE",
    "Hyper-V",
    "Apple Virtualization",
    "Google Compute Engine",
];

/// Makers of TPMs that are programs, as `TPM2_PT_MANUFACTURER` and the vendor strings name them.
/// `IBM` is libtpms (swtpm, QEMU) and the reference simulator; no chip of that maker exists.
const SOFTWARE_TPMS: [&str; 4] = ["IBM", "MSFT", "VMW", "GOOG"];

/// Why a snapshot could take the TPM's counts back; `None` if nothing speaks for it.
pub(crate) fn rollback_risk(manufacturer: &str) -> Option<String> {
    if SOFTWARE_TPMS.contains(&manufacturer) {
        return Some(format!("the TPM is a program ({manufacturer})"));
    }
    let names: Vec<String> = ["sys_vendor", "product_name", "board_vendor", "bios_vendor"]
        .iter()
        .filter_map(|name| fs::read_to_string(format!("/sys/class/dmi/id/{name}")).ok())
        .collect();
    if let Some(name) = virtual_name(&names) {
        return Some(format!("this is a virtual machine ({name})"));
    }
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    has_hypervisor(&processors).then(|| "this machine runs below a hypervisor".to_owned())
}

fn virtual_name(names: &[String]) -> Option<&str> {
    names.iter().map(|name| name.trim()).find(|name| {
        VIRTUAL.iter().any(|known| name.starts_with(known)) || *name == "Virtual Machine"
    })
}

fn has_hypervisor(processors: &str) -> bool {
    processors
        .lines()
        .filter(|line| line.starts_with("flags"))
        .any(|line| line.split_whitespace().any(|flag| flag == "hypervisor"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_virtual_machines_by_their_names() {
        let name = |name: &str| virtual_name(&[format!("{name}\n")]).is_some();
        assert!(name("QEMU"));
        assert!(name("VMware, Inc."));
        assert!(name("Virtual Machine"));
        assert!(!name("LENOVO"));
        assert!(!name("Microsoft Corporation"));
    }

    #[test]
    fn knows_a_guest_by_its_processor() {
        assert!(has_hypervisor(
            "processor : 0\nflags : fpu hypervisor aes\n"
        ));
        assert!(!has_hypervisor("processor : 0\nflags : fpu aes\n"));
    }

    #[test]
    fn trusts_no_software_tpm() {
        assert!(rollback_risk("IBM").is_some());
    }
}
