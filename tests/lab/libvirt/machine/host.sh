# The init of a host: gives it private files, says that it is ready, and sleeps.
# SIGKILL of it is the power cord: the kernel then kills every process of the host's pid namespace.
#   host.sh NAME OWN_FOLDER
set -e
name="$1" own="$2"
hostname "$name.lab.test"

# What survives a power cycle: the host's own disk. What does not: /run.
rm -rf "$own/run"
mkdir -p "$own/run/lock"
for folder in etc:/etc/libvirt lib:/var/lib/libvirt log:/var/log/libvirt cache:/var/cache/libvirt run:/run; do
  mkdir -p "${folder#*:}"
  mount --bind "$own/${folder%%:*}" "${folder#*:}"
done
for file in machine-id:/etc/machine-id hosts:/etc/hosts passwd:/etc/passwd group:/etc/group; do
  touch "${file#*:}"
  mount --bind "$own/${file%%:*}" "${file#*:}"
done
mount -t sysfs sysfs /sys
mount -t tmpfs -o size=1m none /sys/fs/cgroup # no cgroups of the machine for libvirtd to use
ip link set lo up
echo ready > "$own/ready"
trap '' CHLD # ignored over exec: the kernel reaps orphans for us
exec sleep infinity
