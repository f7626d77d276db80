# SPDX-License-Identifier: MIT
"""A network of its own for one server: a namespace with one address, and a
pair of veth to it, so that packets can be lost between here and there.

The namespace has no name. A process that only sleeps holds it, and with that
process the kernel takes away the namespace, its rules and the pair of veth,
even if whoever made them was killed.
"""

import ipaddress
import os
import subprocess

import process

# Set aside for measuring between networks (RFC 2544): nobody's.
ADDRESSES = ipaddress.ip_network("198.18.0.0/15")
# outside address, inside address, network, broadcast
ADDRESSES_OF_ONE_NETWORK = 4
RULES = """\
table inet outage {{
	chain input {{
		type filter hook input priority filter
		tcp dport {port} {action}
	}}
}}
"""


def run(*argv, stdin=""):
    """Runs a command that must succeed."""
    done = subprocess.run(argv, input=stdin, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise process.ServerError(f"{' '.join(argv)}: {done.stdout}")


class Network:
    """address is that of the server in it, outside is ours on the way
    there."""

    def __init__(self):
        # a number that no other network of any run has now
        number = process.free_port()
        base = (ADDRESSES[0] + (number - process.PORTS.start) *
                ADDRESSES_OF_ONE_NETWORK)
        self.outside = str(base + 1)
        self.address = str(base + 2)
        self.interface = f"pfa{number}"
        self.holder = process.spawn(
            ["unshare", "--net", "--", "sleep", "infinity"], os.devnull)
        try:
            process.wait_for(self._separate, 10, "network namespace")
            self._connect()
        except process.ServerError:
            self.close()
            raise

    def _path(self):
        return f"/proc/{self.holder.pid}/ns/net"

    def _separate(self):
        if self.holder.poll() is not None:
            raise process.ServerError("unshare cannot make a network: "
                                      "it takes root and CAP_SYS_ADMIN")
        return not os.path.samestat(os.stat(self._path()),
                                    os.stat("/proc/self/ns/net"))

    def _connect(self):
        run("ip", "link", "add", self.interface, "type", "veth",
            "peer", "name", "eth0", "netns", str(self.holder.pid))
        run("ip", "address", "add", f"{self.outside}/30",
            "dev", self.interface)
        run("ip", "link", "set", self.interface, "up")
        for words in (f"address add {self.address}/30 dev eth0",
                      "link set eth0 up", "link set lo up"):
            run(*self.enter(), "ip", *words.split())

    def enter(self):
        """What goes before a command that shall run in it."""
        return ["nsenter", f"--net={self._path()}"]

    def treat(self, port, action):
        """What becomes of packets to a port, in the words of nft."""
        run(*self.enter(), "nft", "-f", "-",
            stdin=RULES.format(port=port, action=action))

    def treat_well(self):
        """Ends a treat()."""
        run(*self.enter(), "nft", "flush", "ruleset")

    def close(self):
        """Takes it away, when the servers in it have ended."""
        self.holder.kill()
        self.holder.wait()
