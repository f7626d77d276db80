#!/bin/sh
# What the documents say, as a lint against what there is: every setting with
# its default, files that are named, links, and no path of one machine.
top=${srcdir:-.}/..
man=$top/doc/dovecot-postfixadmin.7
example=$top/example-config/dovecot-postfixadmin.conf.ext
documents="$top/README.md $top/INSTALL.md $top/HACKING.md $top/NEWS
	$top/doc/architecture.md $top/doc/dovecot-2.4.md
	$top/doc/new-server.md $top/doc/from-courier.md
	$top/doc/from-driver-sql.md $top/doc/troubleshooting.md"
failed=0

complain() {
	echo "$*"
	failed=1
}

# name, type, default, least, most of every setting. "-" for a default that
# is not there or empty, of which the documents give an example at most.
settings() {
	sed -n 's/^SETTING(\([A-Z]*\), \([a-z_]*\), \([^,]*\), \([0-9]*\), \([0-9]*\), .*/\2|\1|\3|\4|\5/p' \
		"$top/src/core/settings.def" |
		sed -e 's/|NULL|/|-|/' -e 's/|""|/|-|/' -e 's/"//g'
}

# The keys of an existing dovecot-sql.conf.ext and of its connect.
dropin_keys() {
	sed -n -e 's/^	{ "\([a-z_]*\)", [a-z].*/\1/p' \
		-e 's/^	CONNECT_STR("\([a-z_]*\)".*/\1/p' \
		"$top/src/core/pfa-conf-dropin.c"
}

# section NAME: the manual page's lines of that section
section() {
	awk -v name="$1" '/^\.Sh / { on = ($0 == ".Sh " name) } on' "$man"
}

# item NAME: the lines of a setting's item, up to the next one
item() {
	section "NAMED SETTINGS" | awk -v name="$1" '
		/^\.(It|El|Ss)/ { on = ($1 == ".It" && $3 == name) } on'
}

# The line under an item's head has the default, the next one the range.
check_manual() {
	name=$1 type=$2 default=$3 least=$4 most=$5
	text=$(item "$name")
	[ -n "$text" ] || { complain "$man: no setting $name"; return; }
	case $default in
	-) want='Default: (none|empty)[.,]' ;;
	*) want="Default: $default\\." ;;
	esac
	echo "$text" | sed -n 2p | grep -qE "^$want" ||
		complain "$man: $name is not followed by its default, $default"
	case $type in
	UINT) range="from $least to $most" ;;
	TIME) range="from $least ms to $((most / 1000)) s" ;;
	*) return ;;
	esac
	echo "$text" | grep -qF "$range" ||
		complain "$man: $name does not say \"$range\""
}

check_example() {
	name=$1 default=$3
	lines=$(grep -E "^#?$name = " "$example")
	[ -n "$lines" ] || { complain "$example: no setting $name"; return; }
	[ "$default" = - ] || [ "$lines" = "#$name = $default" ] ||
		complain "$example: $name is not shown as #$name = $default"
}

# Names in a file that are no settings.
check_names() {
	file=$1
	while read -r name; do
		settings | grep -q "^$name|" ||
			complain "$file: there is no setting $name"
	done
}

check_settings() {
	count=0
	while IFS='|' read -r name type default least most; do
		check_manual "$name" "$type" "$default" "$least" "$most"
		check_example "$name" "$type" "$default"
		count=$((count + 1))
	done <<-END
	$(settings)
	END
	[ "$count" -eq "$(grep -c '^SETTING(' "$top/src/core/settings.def")" ] ||
		complain "settings.def: only $count settings could be read"

	check_names "$man" <<-END
	$(section "NAMED SETTINGS" | sed -n 's/^\.It Ic \([^ ]*\).*/\1/p')
	END
	for file in "$example" \
			"$top/example-config/dovecot-users-table.conf.ext"; do
		check_names "$file" <<-END
		$(sed -n 's/^#*\([a-z_]*\) = .*/\1/p' "$file")
		END
	done
}

check_dropin_keys() {
	keys=$(dropin_keys)
	for key in driver connect iterate_query host maxconns option_group; do
		echo "$keys" | grep -qx "$key" ||
			complain "pfa-conf-dropin.c: $key could not be read"
	done
	for key in $keys; do
		section "DROP-IN SETTINGS" | grep -qE "^\.It Ic $key( |\$)" ||
			complain "$man: no key $key"
	done
}

# Words in backticks that look like a path have to be one. What is built is
# not there yet, and an absolute path is somebody else's.
check_named_files() {
	for document in $documents; do
		grep -o '`[^`]*`' "$document" | tr -d '`' | cut -d' ' -f1 |
			grep -E '^([A-Za-z0-9.][A-Za-z0-9._-]*/)+[A-Za-z0-9._*-]*$|^[A-Z]+\.md$|^[a-z.]+\.(sh|am|ac)$' |
			grep -v '^build/' | sort -u |
		while read -r path; do
			# with its asterisk expanded
			ls -d "$top"/$path >/dev/null 2>&1 ||
				echo "$document: there is no $path"
		done
	done
}

# [text](target), the target relative to the document
check_links() {
	for document in $documents; do
		grep -o '\](\([^)]*\))' "$document" |
			sed -e 's/^](//' -e 's/)$//' -e 's/#.*//' |
			grep -vE '^$|^[a-z]+:' |
		while read -r path; do
			[ -e "$(dirname "$document")/$path" ] ||
				echo "$document: the link to $path leads nowhere"
		done
	done
}

# Brackets in the pattern keep it from finding itself.
check_machine_paths() {
	(cd "$top" && grep -rnIE '(^|[^A-Za-z0-9._-])/(wor[k]|roo[t])/' \
		--include='*.[ch]' --include='*.def' --include='*.py' \
		--include='*.sh' --include='*.am' --include='*.m4' \
		--include='*.ext' --include='*.md' --include='*.7' \
		README.md INSTALL.md HACKING.md NEWS configure.ac doc \
		example-config src tests)
}

check_manual_syntax() {
	if ! command -v mandoc >/dev/null; then
		echo "mandoc is missing, the manual page is not linted"
		return
	fi
	# its notes on the standard error are about the machine's other pages
	mandoc -Tlint -Wwarning "$man" 2>/dev/null || failed=1
}

for file in $documents $man $example; do
	[ -s "$file" ] || complain "$file is missing or empty"
done
check_settings
check_dropin_keys
for check in check_named_files check_links check_machine_paths; do
	found=$($check)
	[ -z "$found" ] || complain "$found"
done
check_manual_syntax
exit $failed
