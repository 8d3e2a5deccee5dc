# The init of the fabric: the switch that joins the hosts, and the storage that they share.
# SIGKILL of it ends the whole lab: the hosts' pid namespaces are children of its own.
#   fabric.sh FOLDER NET SHARED_MB
set -e
folder="$1" net="$2" shared_mb="$3"
mount -t tmpfs -o "size=${shared_mb}m,mode=755" lab-shared "$folder/shared"
ip link set lo up
ip link add sw0 type bridge
ip addr add "$net.0.2/16" dev sw0
ip link set sw0 up
echo ready > "$folder/_fabric/ready"
trap '' CHLD # ignored over exec: the kernel reaps orphans for us
exec sleep infinity
