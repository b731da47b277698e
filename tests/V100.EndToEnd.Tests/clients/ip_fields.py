#!/usr/bin/python3
"""Stands between a test and a UDP address: passes datagrams on with the traffic class and hop limit that it is told, and says which ones came back."""

import ipaddress
import select
import socket
import sys

address, port, traffic_class, hop_limit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])

if ipaddress.ip_address(address).version == 4:
    family, level = socket.AF_INET, socket.IPPROTO_IP
    class_option, hop_option = socket.IP_TOS, socket.IP_TTL
    wants = (socket.IP_RECVTOS, 12)  # IP_RECVTTL has no name here
else:
    family, level = socket.AF_INET6, socket.IPPROTO_IPV6
    class_option, hop_option = socket.IPV6_TCLASS, socket.IPV6_UNICAST_HOPS
    wants = (socket.IPV6_RECVTCLASS, socket.IPV6_RECVHOPLIMIT)

near = socket.socket(family, socket.SOCK_DGRAM)
near.bind((address, 0))
far = socket.socket(family, socket.SOCK_DGRAM)
far.bind((address, 0))
far.setsockopt(level, class_option, traffic_class)
far.setsockopt(level, hop_option, hop_limit)
for want in wants:
    far.setsockopt(level, want, 1)
print(near.getsockname()[1], far.getsockname()[1], flush=True)

test = None
while True:
    for ready in select.select([near, far, sys.stdin], [], [])[0]:
        if ready is sys.stdin:
            sys.exit(0)
        elif ready is near:
            payload, test = near.recvfrom(65536)
            far.sendto(payload, (address, port))
        else:
            payload, control, _, _ = far.recvmsg(65536, 256)
            fields = {kind: value[0] for where, kind, value in control if where == level}
            came_class = fields[socket.IP_TOS if family == socket.AF_INET else socket.IPV6_TCLASS]
            came_limit = fields[socket.IP_TTL if family == socket.AF_INET else socket.IPV6_HOPLIMIT]
            print(came_class, came_limit, len(payload), flush=True)
            near.sendto(payload, test)
