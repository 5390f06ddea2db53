// A Docker engine in a container.

/**
 * What an engine in a container needs. Not --privileged: that fails where the outer engine itself lacks
 * CAP_SYS_RESOURCE, as in most virtual environments.
 */
export const ENGINE_INSIDE = [
  ...["SYS_ADMIN", "NET_ADMIN", "NET_RAW", "SYS_CHROOT", "SETFCAP", "MKNOD", "SYS_PTRACE"],
  ...["AUDIT_WRITE", "SYSLOG", "DAC_READ_SEARCH", "IPC_LOCK", "SYS_NICE"],
]
  .flatMap((capability) => ["--cap-add", capability])
  .concat(
    ["seccomp", "apparmor", "systempaths"].flatMap((what) => [
      "--security-opt",
      `${what}=unconfined`,
    ]),
    ["--volume", "/var/lib/docker", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw"],
  );
