/* SPDX-License-Identifier: MIT */
#ifndef PFA_HASH_USUAL_H
#define PFA_HASH_USUAL_H

#include "core/hash.h"
#include "core/pfa-conf.h"

/*
 * What a slow hash costs at a site of which nothing but the configuration is
 * known yet: the method, id, rounds and memory of what PostfixAdmin writes with
 * this $CONF['encrypt'], or Dovecot with this default_pass_scheme. False if
 * that is no slow hash, or could be anything.
 */
bool hash_usual(const struct pfa_conf *conf, struct hash *like_r);

#endif
