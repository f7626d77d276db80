#!/bin/sh
# Makes configure from configure.ac.
set -e
cd "$(dirname "$0")"
for tool in autoconf automake libtoolize pkg-config; do
	command -v $tool >/dev/null || {
		echo "$tool is missing: apt-get install autoconf automake libtool pkg-config" >&2
		exit 1
	}
done
mkdir -p build-aux
autoreconf --install --warnings=all
