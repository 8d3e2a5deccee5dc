# The init of a cluster node: gives the node private files, says that it is ready, and sleeps.
# SIGKILL of it is the power cord: the kernel then kills every process of the node's pid namespace.
#   init.sh NAME OWN_FOLDER SHARED_FOLDER
set -e
name="$1" own="$2" shared="$3"
mount --make-rprivate /

# A writable layer over folders of the machine; it lives in memory, so it is lost with the node's power.
mount -t tmpfs -o mode=755 tmpfs "$own/overlay"
for folder in etc var/lib usr/sbin usr/local usr/lib/ocf/resource.d; do
  mkdir -p "$own/overlay/$folder.upper" "$own/overlay/$folder.work"
  mount -t overlay overlay \
    -o "lowerdir=/$folder,upperdir=$own/overlay/$folder.upper,workdir=$own/overlay/$folder.work" "/$folder"
done

# What survives a power cycle: the node's own disk.
for folder in $(cat "$own/private-folders"); do
  mkdir -p "/$folder"
  mount --bind "$own/$folder" "/$folder"
done
for file in etc/machine-id etc/shadow; do
  touch "/$file"
  mount --bind "$own/$file" "/$file"
done
cp "$own/tools/fence_halab" /usr/sbin/fence_halab
[ ! -e "$own/tools/pacemaker-remoted" ] || cp "$own/tools/pacemaker-remoted" /usr/sbin/pacemaker-remoted
mkdir -p /usr/lib/ocf/resource.d/halab
cp "$own/tools/Svc" /usr/lib/ocf/resource.d/halab/Svc

mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir -p /mnt/halab
mount --bind "$shared" /mnt/halab
# sshd's shell reads it, and what somebody's start-up file does (and locks) is no part of a node
[ ! -e ~root/.bashrc ] || mount --bind /dev/null ~root/.bashrc
touch /etc/hosts
mount --bind "$shared/hosts" /etc/hosts
mkdir -p /run/lock /run/resource-agents /run/crm /run/pacemaker /run/sshd
chown hacluster:haclient /run/crm
hostname "$name"
mount -t proc proc /proc
mount -t sysfs sysfs /sys # shows the network cards of this node, not those of the machine
ip link set lo up
trap '' CHLD # ignored over exec: the kernel reaps orphans for us
echo ready > "$own/ready"
exec sleep infinity
