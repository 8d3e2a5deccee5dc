# The init of the management machine: a network and files of its own, no cluster, no pid namespace.
#   management.sh NAME OWN_FOLDER SHARED_FOLDER
set -e
own="$2" shared="$3"
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -m 1777 /run/lock /run/ssh
mount --bind "$shared/hosts" /etc/hosts
ip link set lo up
echo ready > "$own/ready"
exec sleep infinity
