/* bulla-milter --check: what is wrong in a configuration, before mail is. */
#ifndef BULLA_MAIL_CHECK_H
#define BULLA_MAIL_CHECK_H

#include "config.h"

/* Whether the milter can begin so, as the user who runs this: role and socket are those of the configuration, unless they are given
 * (else NULL). 0, or -1 after it has said on the log what is wrong. */
int config_check(const struct config *config, const char *path, const char *role, const char *socket);

#endif
