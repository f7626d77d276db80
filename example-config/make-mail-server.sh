#!/bin/sh
# Makes a mail server of Debian's Postfix and Dovecot, out of one of the sets
# of files beside this script. Run as root:
#
#	make-mail-server.sh postfixadmin
#	make-mail-server.sh users-table
#
# for PostfixAdmin's tables, or for tables as users-table/schema.sql has them.
# It makes the account vmail, a directory for its mail and, if there is none,
# a certificate, and copies the files. Those that were there before stay beside
# the new ones, with .~1~ and so on at the end. No server is started, and no
# database changed.
set -eu
cd "$(dirname "$0")"

case ${1-} in
postfixadmin)
	id=2000 mail=/var/mail maps=/etc/postfix/sql ;;
users-table)
	id=5000 mail=/home/vmail maps=/etc/postfix ;;
*)
	sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${0##*/}" >&2
	exit 2 ;;
esac
set=$1

# put MODE GROUP DIRECTORY FILE ...
put() {
	mode=$1 group=$2 directory=$3
	shift 3
	install --backup=numbered -o root -g "$group" -m "$mode" \
		-t "$directory" "$@"
}

# Mail directories are vmail's, and nobody else may look into them.
getent group vmail >/dev/null || groupadd -g "$id" vmail
getent passwd vmail >/dev/null ||
	useradd -u "$id" -g vmail -d "$mail" -M -s /usr/sbin/nologin vmail
if [ "$(id -u vmail):$(id -g vmail)" != "$id:$id" ]; then
	echo "vmail has other numbers than $id here: write them into" \
		"uid, gid, first_valid_uid and first_valid_gid in" \
		"/etc/dovecot before you start it" >&2
fi
install -d -o vmail -g vmail -m 700 "$mail"

# The maps have the database's password in them: proxymap reads them as postfix.
install -d -m 755 "$maps"
put 644 root /etc/postfix common/postfix/* "$set/postfix/main.cf"
case $set in
postfixadmin)
	put 640 postfix "$maps" "$set"/postfix/sql/*.cf ;;
users-table)
	put 640 postfix "$maps" "$set"/postfix/mysql-*.cf ;;
esac
newaliases

case $(dovecot --version) in
2.3.*) dovecot=$set/dovecot-2.3 ;;
*) dovecot=$set/dovecot-2.4 ;;
esac
put 644 root /etc/dovecot "$dovecot/dovecot.conf"
put 600 root /etc/dovecot "$dovecot/dovecot-postfixadmin.conf.ext"

# Something to start with. Mail programs warn of it: have it signed.
install -d -m 755 /etc/ssl/mail
if [ ! -e /etc/ssl/mail/key.pem ]; then
	umask 077
	openssl req -x509 -newkey rsa:2048 -nodes -days 365 \
		-subj "/CN=$(postconf -h myhostname)" \
		-keyout /etc/ssl/mail/key.pem -out /etc/ssl/mail/cert.pem
fi
