# SPDX-License-Identifier: MIT
"""Certificates of every kind, good and bad, made with openssl below one
directory. Knows nothing of who shows or checks them."""

import datetime
import os
import subprocess

CONFIG = """\
[ca]
default_ca = test
[test]
database = index.txt
new_certs_dir = .
rand_serial = yes
unique_subject = no
default_md = sha256
policy = policy
[policy]
commonName = supplied
"""


def openssl_date(days):
    """So many days from now, as openssl ca takes it."""
    then = (datetime.datetime.now(datetime.timezone.utc) +
            datetime.timedelta(days=days))
    return then.strftime("%Y%m%d%H%M%SZ")


class Certificates:
    """NAME.pem and NAME.key for every NAME that was made. Keys are for
    everybody: servers and auth run under accounts of their own."""

    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory)
        os.chmod(directory, 0o755)
        self._write("ca.cnf", CONFIG)
        self._write("index.txt", "")

    def path(self, name):
        """A file of this directory."""
        return os.path.join(self.directory, name)

    def _write(self, name, text):
        with open(self.path(name), "w", encoding="ascii") as file:
            file.write(text)

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True,
                       cwd=self.directory, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def self_signed(self, name, names="DNS:nobody"):
        """A certificate that signs itself; an authority is nothing else."""
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes",
                      "-days", "2", "-subj", f"/CN={name}",
                      "-addext", f"subjectAltName={names}",
                      "-keyout", f"{name}.key", "-out", f"{name}.pem")
        os.chmod(self.path(f"{name}.key"), 0o644)

    def signed(self, authority, name, names, days=(-1, 2)):
        """A certificate of the authority for these names, valid between two
        days that are counted from now."""
        self._write(f"{name}.ext", f"subjectAltName={names}\n")
        self._openssl("req", "-newkey", "rsa:2048", "-nodes",
                      "-subj", f"/CN={name}",
                      "-keyout", f"{name}.key", "-out", f"{name}.csr")
        self._openssl("ca", "-batch", "-notext", "-config", "ca.cnf",
                      "-cert", f"{authority}.pem",
                      "-keyfile", f"{authority}.key",
                      "-startdate", openssl_date(days[0]),
                      "-enddate", openssl_date(days[1]),
                      "-extfile", f"{name}.ext",
                      "-in", f"{name}.csr", "-out", f"{name}.pem")
        os.chmod(self.path(f"{name}.key"), 0o644)
