/* SPDX-License-Identifier: MIT */
#ifndef SETTINGS_ARGS_H
#define SETTINGS_ARGS_H

#include "core/conf-lines.h"
#include "core/errbuf.h"
#include "core/pfa-conf.h"

/*
 * Dovecot 2.3: the file that `args` of a passdb or userdb names, in either
 * form. Everything that can never work ends the process with one line that
 * names the file, the line if there is one, and the cure.
 */
void settings_args_read(const char *path, struct pfa_conf **conf_r,
			struct conf_lines **lines_r);
/* For what shows later, when the settings are put to use. */
void settings_args_fatal(const char *path,
			 const struct errbuf *error) ATTR_NORETURN;

#endif
