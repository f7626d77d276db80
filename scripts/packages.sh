# shellcheck shell=bash
# Debian packages and builds for the other scripts, which source this file.
# They set $top, the top of the source tree.
# shellcheck disable=SC2034,SC2154 # variables from and for the others

build_packages=(gcc make pkg-config autoconf automake libtool libc6-dev
	dovecot-dev libmariadb-dev libssl-dev libcrypt-dev libsodium-dev
	libcunit1-dev mandoc)
server_packages=(dovecot-core dovecot-imapd dovecot-pop3d dovecot-lmtpd
	mariadb-server)
# a network for one server, and what becomes of packets in it
network_packages=(iproute2 nftables)
# The rest of a mail server, and a program that sends: what that one needs for
# TLS and AUTH is only recommended.
postfix_packages=(postfix postfix-mysql openssl swaks libnet-ssleay-perl
	libauthen-sasl-perl)
# enough for a few tests
smoke_packages=("${server_packages[@]}" dovecot-mysql openssl python3-pytest
	python3-pymysql)
test_packages=("${smoke_packages[@]}" "${network_packages[@]}"
	"${postfix_packages[@]}" galera-4 rsync fail2ban curl isync php-cli
	php-mbstring php-mysql)
# to make other Debians, and to enter them
chroot_packages=(mmdebstrap iproute2)
policy=/usr/sbin/policy-rc.d

fail() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

need_root() {
	[ "$(id -u)" -eq 0 ] || fail "needs root: $*"
}

# Prints those of the packages that are not installed.
missing_packages() {
	local name
	for name in "$@"; do
		dpkg-query -W -f '${Status}\n' "$name" 2>/dev/null |
			grep -qx 'install ok installed' || printf '%s\n' "$name"
	done
}

# Installs what is missing. The servers among it are for private use: Debian
# would start them at once with the machine's own configuration.
install_packages() {
	local missing
	mapfile -t missing < <(missing_packages "$@")
	[ "${#missing[@]}" -gt 0 ] || return 0
	need_root "install ${missing[*]}"
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' > "$policy"
		chmod 755 "$policy"
		trap 'rm -f "$policy"' EXIT
	fi
	apt-get update
	DEBIAN_FRONTEND=noninteractive apt-get install -y \
		--no-install-recommends "${missing[@]}"
	if [ "$(trap -p EXIT)" ]; then
		rm -f "$policy"
		trap - EXIT
	fi
}

# unpack_package DIRECTORY PACKAGE: the package's files and no more. Nothing is
# set up, and nothing comes along that it depends on.
unpack_package() (
	[ ! -e "$1" ] || return 0
	need_root "download $2"
	rm -rf "$1.part"
	mkdir -p "$1.part/package"
	cd "$1.part/package" || exit 1
	apt-get update
	apt-get download "$2"
	dpkg-deb --extract "$2"_*.deb ..
	cd .. && rm -r package
	mv "$1.part" "$1"
)

# Makes configure, if it is missing or older than what it is made of.
make_configure() {
	local source
	for source in configure.ac Makefile.am src/Makefile.am \
			tests/Makefile.am m4/*.m4; do
		if [ ! -e configure ] || [ "$source" -nt configure ]; then
			./autogen.sh
			return
		fi
	done
}

# build DIRECTORY [configure's options ...]: builds out of the source tree.
build() (
	directory=$1
	shift
	cd "$top" || exit 1
	make_configure
	mkdir -p "$directory"
	cd "$directory" || exit 1
	if [ ! -e config.status ] || [ "$top/configure" -nt config.status ]
	then
		"$top/configure" --quiet "$@"
	fi
	make -j"$(nproc)"
)
