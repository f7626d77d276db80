dnl PFA_DOVECOT: finds the installed Dovecot through its dovecot-config file,
dnl which is a list of shell assignments. Sets DOVECOT_INCLUDE and
dnl DOVECOT_MODULEDIR. Only these two are wanted: the CFLAGS in that file are
dnl the distribution's, not ours.
AC_DEFUN([PFA_DOVECOT], [
  AC_ARG_WITH([dovecot],
    [AS_HELP_STRING([--with-dovecot=DIR],
      [directory of the dovecot-config file])],
    [pfa_dovecot_dirs=$withval],
    [pfa_dovecot_dirs="/usr/local/lib/dovecot /usr/lib/dovecot /usr/lib64/dovecot"])
  AC_MSG_CHECKING([for dovecot-config])
  pfa_dovecot_config=
  for dir in $pfa_dovecot_dirs; do
    AS_IF([test -f "$dir/dovecot-config"],
      [pfa_dovecot_config=$dir/dovecot-config; break])
  done
  AS_IF([test -z "$pfa_dovecot_config"], [
    AC_MSG_RESULT([no])
    AC_MSG_ERROR([dovecot-config was not found in $pfa_dovecot_dirs: install dovecot-dev (Debian), or name its directory by --with-dovecot=DIR])
  ])
  AC_MSG_RESULT([$pfa_dovecot_config])
  DOVECOT_INCLUDE=`sed -n 's/^LIBDOVECOT_INCLUDE=//p' "$pfa_dovecot_config" | tr -d "\"'"`
  AC_ARG_WITH([moduledir],
    [AS_HELP_STRING([--with-moduledir=DIR],
      [where Dovecot loads modules from (default: as dovecot-config says)])],
    [DOVECOT_MODULEDIR=$withval],
    [DOVECOT_MODULEDIR=`sed -n 's/^dovecot_moduledir=//p' "$pfa_dovecot_config" | tr -d "\"'"`])
  AC_SUBST([DOVECOT_INCLUDE])
  AC_SUBST([DOVECOT_MODULEDIR])
])
