#!/bin/sh
# Dovecot loads modules with RTLD_GLOBAL: whatever the module exports can be
# taken for, or be replaced by, a symbol of something else.
module=${builddir:-.}/../src/.libs/libauthdb_postfixadmin.so
want="authdb_postfixadmin_deinit
authdb_postfixadmin_init
authdb_postfixadmin_version"
# sanitizer builds add symbols of their runtime
have=$(nm -D --defined-only "$module" | awk '{ print $3 }' |
	grep -vE '^(__(asan|ubsan|tsan|odr_asan|sancov)|_init$|_fini$)' | sort)
[ "$have" = "$want" ] && exit 0
echo "exported: $have"
exit 1
