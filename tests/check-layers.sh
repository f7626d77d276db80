#!/bin/sh
# The walls between the layers, as a lint: which directory may include what.
src=${srcdir:-.}/../src
failed=0

# refuse DIRECTORY-OR-FILES PATTERN WHY
refuse() {
	found=$(grep -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($2)" \
		-r $1 --include='*.[ch]')
	[ -z "$found" ] && return
	echo "$3:"; echo "$found"
	failed=1
}

refuse "$src/core" 'pool/|dovecot/|lookup|mysql|lib\.h|auth-|pthread|sys/socket|time\.h|unistd\.h' \
	"core is libc only, without I/O, clock, MySQL or Dovecot"
refuse "$src/pool" 'core/|dovecot/|lookup|lib\.h|auth-' \
	"pool knows SQL text and strings, nothing of mail or auth"
refuse "$src/verify" 'dovecot/|lookup|mysql|pool/mysql-conn|lib\.h|auth-|pthread' \
	"verify computes hashes, beside database and Dovecot"
refuse "$src/lookup*.[ch] $src/rehash.[ch] $src/last-login.[ch]" 'dovecot/|mysql|lib\.h|auth-|pthread' \
	"lookup and rehash join core, pool and verify, without Dovecot"
refuse "$src/dovecot" 'mysql|pthread' \
	"dovecot reaches the database through lookup only"

others=$(grep -lE 'include <mysql\.h>' -r "$src" --include='*.[ch]' |
	grep -vE 'pool/mysql-([^/]*\.c|(columns|connect|distrust|rows)\.h)$')
[ -z "$others" ] || { echo "mysql.h outside mysql-*: $others"; failed=1; }
others=$(grep -lE 'include <pthread\.h>' -r "$src" --include='*.[ch]' |
	grep -v 'pool/jobs\.c$')
[ -z "$others" ] || { echo "pthread.h outside jobs.c: $others"; failed=1; }
others=$(grep -lE 'include <(sodium|crypt|openssl/.*)\.h>' -r "$src" \
	--include='*.[ch]' | grep -vE '/verify/|pool/mysql-connect\.c$')
[ -z "$others" ] || { echo "cryptography outside verify: $others"; failed=1; }
# Conditions of any kind, but for include guards and what sanitizers are told: whichever Dovecot and client
# library there are, all other code is compiled the same. And no version decides
# anywhere: configure tries what compiles.
others=$(grep -nE '^[[:space:]]*#[[:space:]]*(if|ifdef|elif)\b' -r "$src" \
	--include='*.[ch]' --include='*.def' |
	grep -vE '#ifdef (__linux__|__SANITIZE_(ADDRESS|THREAD)__)$' |
	grep -vE '/(dovecot/(compat|settings)|pool/mysql)-[^/]*\.[ch]:')
[ -z "$others" ] || { echo "conditions outside compat: $others"; failed=1; }
others=$(grep -nE 'HAVE_PASSDB|DOVECOT_[A-Z]' -r "$src" --include='*.[ch]' |
	grep -vE '/dovecot/(compat|settings)-[^/]*\.[ch]:|DOVECOT_ABI_VERSION')
[ -z "$others" ] || { echo "kinds of Dovecot outside compat: $others"; failed=1; }
others=$(grep -nE 'DOVECOT_(VERSION|PREREQ)' -r "$src" --include='*.[ch]')
[ -z "$others" ] || { echo "Dovecot's version decides: $others"; failed=1; }
exit $failed
