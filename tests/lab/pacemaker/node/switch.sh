# The init of the switch: the network namespace that holds the lab's bridge.
#   switch.sh NAME OWN_FOLDER
set -e
ip link set lo up
ip link add br0 type bridge
ip link set br0 up
echo ready > "$2/ready"
exec sleep infinity
