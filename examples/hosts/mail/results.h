/* Our Authentication-Results (RFC 8601): what the milter and the delivery agent say of a mail. */
#ifndef BULLA_MAIL_RESULTS_H
#define BULLA_MAIL_RESULTS_H

#include "config.h"
#include "text.h"

#include <bulla.h>

/* The value for a mail that was opened. `known`: the signer is the author of the key table; `differing` as headers_differ() has it. */
void results_opened(struct text *out, const char *domain, const char *author, int known, const bulla_key *signer, const char *differing);
/* The value for another one, such as "none" or "fail". */
void results_other(struct text *out, const char *domain, const char *method_result);

/* Whether a value of Authentication-Results claims to be of `domain` (RFC 8601, section 5). */
int results_are_of(const char *value, const char *domain);
/* Whether a field of this value is taken out of what comes: it is in our name, and what it says is ours to say (the method bulla), or
 * cannot be read, or the administrator keeps no results in our name. */
int results_go(const char *value, const struct config *config);

/* A mail with these results on top, and of those in the name of `domain` that stood there none but what is kept. With KEPT_ALL they are
 * left away if there are such of the method bulla. Every other byte is as it was. */
void results_put(struct text *out, const struct text *mail, const char *domain, enum kept kept, const struct text *results);

#endif
