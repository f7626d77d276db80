dnl PFA_MYSQL: finds the MySQL client library, MariaDB's Connector/C or Oracle's
dnl libmysqlclient. Sets MYSQL_CFLAGS, MYSQL_LIBS, MYSQL_FROM (which one it is,
dnl and where that was found), and the condition CONNECTOR_C.
AC_DEFUN([PFA_MYSQL], [
  AC_ARG_WITH([mysql],
    [AS_HELP_STRING([--with-mysql=LIBRARY],
      [client library: mariadb (Connector/C) or mysql (Oracle's libmysqlclient). Default: the first that is there])],
    [], [with_mysql=any])
  AS_CASE([$with_mysql],
    [mariadb], [
      pfa_mysql_modules=libmariadb
      pfa_mysql_scripts=mariadb_config
      pfa_mysql_package=libmariadb-dev],
    [mysql], [
      pfa_mysql_modules=mysqlclient
      pfa_mysql_scripts=mysql_config
      pfa_mysql_package=libmysqlclient-dev],
    [any], [
      pfa_mysql_modules="libmariadb mysqlclient"
      pfa_mysql_scripts="mariadb_config mysql_config"
      pfa_mysql_package="libmariadb-dev or libmysqlclient-dev"],
    [AC_MSG_ERROR([--with-mysql=$with_mysql: it is mariadb or mysql])])
  for pfa_mysql_module in $pfa_mysql_modules; do
    PKG_CHECK_EXISTS([$pfa_mysql_module], [break])
  done
  PKG_CHECK_MODULES([MYSQL], [$pfa_mysql_module],
    [MYSQL_FROM="pkg-config $pfa_mysql_module"], [
    AC_PATH_PROGS([MYSQL_CONFIG], [$pfa_mysql_scripts])
    AS_IF([test -z "$MYSQL_CONFIG"],
      [AC_MSG_ERROR([no MySQL client library: install $pfa_mysql_package (Debian)])])
    MYSQL_CFLAGS=`$MYSQL_CONFIG --include`
    MYSQL_LIBS=`$MYSQL_CONFIG --libs`
    MYSQL_FROM=$MYSQL_CONFIG
  ])
  pfa_save_CPPFLAGS=$CPPFLAGS
  pfa_save_LIBS=$LIBS
  CPPFLAGS="$CPPFLAGS $MYSQL_CFLAGS"
  LIBS="$MYSQL_LIBS $LIBS"
  AC_MSG_CHECKING([whether programs link with the MySQL client library])
  AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <mysql.h>]],
    [[return mysql_stmt_prepare(mysql_stmt_init(0), "", 0);]])],
    [AC_MSG_RESULT([yes])], [
    AC_MSG_RESULT([no])
    AC_MSG_ERROR([mysql.h or its library is of no use ($MYSQL_CFLAGS $MYSQL_LIBS): install $pfa_mysql_package (Debian)])
  ])
  dnl Scripts and packages for compatibility name one library and give another.
  AC_MSG_CHECKING([whose MySQL client library it is])
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <mysql.h>
#ifndef MARIADB_BASE_VERSION
#  error
#endif]])], [pfa_mysql_is=mariadb; pfa_mysql_whose="Connector/C"],
    [pfa_mysql_is=mysql; pfa_mysql_whose="Oracle's"])
  AC_MSG_RESULT([$pfa_mysql_whose])
  AS_IF([test "$with_mysql" != any && test "$with_mysql" != $pfa_mysql_is],
    [AC_MSG_ERROR([--with-mysql=$with_mysql, but $MYSQL_FROM leads to the other library: install $pfa_mysql_package (Debian)])])
  AM_CONDITIONAL([CONNECTOR_C], [test $pfa_mysql_is = mariadb])
  MYSQL_FROM="$pfa_mysql_whose, $MYSQL_FROM"
  CPPFLAGS=$pfa_save_CPPFLAGS
  LIBS=$pfa_save_LIBS
])
