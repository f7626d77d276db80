#!/bin/sh
# Dovecot loads modules with RTLD_GLOBAL: whatever a module exports can be
# taken for, or be replaced by, a symbol of something else.
modules=${builddir:-.}/../src/.libs
failed=0

# check MODULE SYMBOL...: those and no others
check() {
	module=$1
	shift
	want=$(printf '%s\n' "$@")
	# sanitizer builds add symbols of their runtime
	have=$(nm -D --defined-only "$modules/$module" | awk '{ print $3 }' |
		grep -vE '^(__(asan|ubsan|tsan|odr_asan|sancov)|_init$|_fini$)' |
		sort)
	[ "$have" = "$want" ] && return
	echo "$module exports: $have"
	failed=1
}

check libauthdb_postfixadmin.so authdb_postfixadmin_deinit \
	authdb_postfixadmin_init authdb_postfixadmin_version
# Dovecot 2.3 has no settings modules
[ ! -e "$modules/libpostfixadmin_settings.so" ] ||
	check libpostfixadmin_settings.so postfixadmin_settings_set_infos \
		postfixadmin_settings_version
exit $failed
