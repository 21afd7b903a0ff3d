//! Which file systems are remote, by the magic number of `statfs`: no database may live there.

use std::path::PathBuf;

/// Magic number → name. From the kernel's `magic.h` and the vendors' headers.
const REMOTE: &[(u32, &str)] = &[
    (0x0000_6969, "NFS"),
    (0x0000_517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB2"),
    (0x6573_5546, "FUSE"),
    (0x0BD0_0BD0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "AFS"),
    (0x00C3_6400, "Ceph"),
    (0x0102_1997, "9P"),
    (0x7375_7245, "Coda"),
    (0x0116_1970, "GFS2"),
    (0x7461_636F, "OCFS2"),
    (0x0000_564C, "NCP"),
    (0x1983_0326, "BeeGFS"),
    (0xAAD7_AAEA, "PanFS"),
    (0xBACB_ACBC, "VMware shared folder"),
    (0x786F_4256, "VirtualBox shared folder"),
];

/// The name of the network file system with this `f_type`; `None` = local.
#[must_use]
pub fn network_file_system(magic: u32) -> Option<&'static str> {
    REMOTE.iter().find(|(m, _)| *m == magic).map(|(_, name)| *name)
}

/// The magic number in `f_type`: 32 bits wide; its container differs between platforms and may sign-extend it.
#[must_use]
pub fn magic(f_type: i128) -> u32 {
    u32::try_from(f_type & 0xFFFF_FFFF).unwrap_or(0)
}

/// A place on this machine that is usually local and survives a reboot.
#[must_use]
pub fn local_place(uid: u32) -> PathBuf {
    PathBuf::from(format!("/var/tmp/nutkin-{uid}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remote_ones_are_named_and_local_ones_pass() {
        for (magic, name) in
            [(0x6969, "NFS"), (0xFF53_4D42, "CIFS"), (0x6573_5546, "FUSE"), (0x4750_4653, "GPFS")]
        {
            assert_eq!(network_file_system(magic), Some(name));
        }
        // ext4, xfs, btrfs, tmpfs, zfs, overlayfs
        for local in [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x2FC1_2FC1, 0x794C_7630] {
            assert_eq!(network_file_system(local), None, "{local:#x}");
        }
    }
    #[test]
    fn a_sign_that_was_extended_is_taken_off() {
        assert_eq!(magic(i128::from(0xFF53_4D42_u32.cast_signed())), 0xFF53_4D42);
        assert_eq!(magic(0x6969), 0x6969);
    }
}
