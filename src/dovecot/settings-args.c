/* SPDX-License-Identifier: MIT */
/*
 * Reads a configuration file for Dovecot 2.3. Our own form is parsed by
 * core/pfa-conf.c. dovecot-sql.conf.ext goes through Dovecot's own parser, so
 * that quotes, comments, continued lines, $ENV and !include are what they
 * always were, and each key through core/pfa-conf.c again.
 */
#include "dovecot/authdb-compat.h"
#include "dovecot/authdb-engine.h"
#include "dovecot/settings-args.h"

#include "settings.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A configuration is a few hundred bytes; this only keeps a wrong path (a
   mailbox, a device) from filling the memory. */
#define SETTINGS_ARGS_MAX_SIZE (1024 * 1024)

struct settings_args_file {
	char *text;
	size_t len;
};

static void settings_args_load(const char *path,
			       struct settings_args_file *file_r)
{
	struct stat st;
	ssize_t ret = -1;
	size_t len = 0;
	char *text;
	int fd;

	if (*path == '\0')
		i_fatal(AUTHDB_NAME": args is missing: "
			"name the configuration file");
	fd = open(path, O_RDONLY);
	if (fd < 0) {
		i_fatal(AUTHDB_NAME": Can't open configuration file %s: %m: "
			"check args, and that root may read the file", path);
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size > SETTINGS_ARGS_MAX_SIZE) {
		i_fatal(AUTHDB_NAME": %s is not a configuration file: "
			"check args", path);
	}
	text = i_malloc(st.st_size + 1);
	while (len < (size_t)st.st_size &&
	       (ret = read(fd, text + len, st.st_size - len)) > 0)
		len += ret;
	if (ret < 0 && st.st_size > 0)
		i_fatal(AUTHDB_NAME": read(%s) failed: %m", path);
	i_close_fd(&fd);
	file_r->text = text;
	file_r->len = len;
}

static void settings_args_unload(struct settings_args_file *file)
{
	/* it holds the database's password */
	wipe_memory(file->text, file->len);
	i_free(file->text);
}

void settings_args_fatal(const char *path, const struct errbuf *error)
{
	const char *setting = error->setting;
	struct settings_args_file file;
	struct conf_lines *lines;
	unsigned int line;

	settings_args_load(path, &file);
	lines = conf_lines_scan(file.text, file.len);
	line = conf_lines_find(lines, setting);
	if (setting == NULL)
		i_fatal(AUTHDB_NAME": %s: %s", path, error->text);
	else if (line == 0)
		i_fatal(AUTHDB_NAME": %s: %s: %s", path, setting, error->text);
	else
		i_fatal(AUTHDB_NAME": %s line %u: %s: %s", path, line,
			setting, error->text);
}

struct settings_args_dropin {
	struct pfa_conf *conf;
	struct errbuf error;
};

static const char *settings_args_set(const char *key, const char *value,
				     struct settings_args_dropin *dropin)
{
	return pfa_conf_set_dropin(dropin->conf, key, value,
				   &dropin->error) < 0 ?
		dropin->error.text : NULL;
}

static void settings_args_read_dropin(const char *path, struct pfa_conf *conf)
{
	struct settings_args_dropin dropin = { .conf = conf };
	const char *error;

	if (!settings_read_nosection(path, settings_args_set, &dropin, &error))
		i_fatal(AUTHDB_NAME": %s", error);
	if (pfa_conf_check(conf, &dropin.error) < 0)
		settings_args_fatal(path, &dropin.error);
}

static void settings_args_read_named(const char *path, struct pfa_conf *conf,
				     const struct settings_args_file *file)
{
	struct errbuf error;

	if (pfa_conf_parse(conf, path, file->text, file->len, &error) < 0)
		i_fatal(AUTHDB_NAME": %s", error.text);
}

void settings_args_read(const char *path, struct pfa_conf **conf_r,
			struct conf_lines **lines_r)
{
	struct settings_args_file file;
	enum pfa_conf_form form;

	settings_args_load(path, &file);
	form = pfa_conf_detect(file.text, file.len);
	*conf_r = pfa_conf_new(form);
	*lines_r = conf_lines_scan(file.text, file.len);
	if (*conf_r == NULL)
		i_fatal_status(FATAL_OUTOFMEM, AUTHDB_NAME": out of memory");
	if (form == PFA_CONF_DROPIN)
		settings_args_read_dropin(path, *conf_r);
	else
		settings_args_read_named(path, *conf_r, &file);
	settings_args_unload(&file);
}
