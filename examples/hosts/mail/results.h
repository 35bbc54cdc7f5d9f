/* Our Authentication-Results (RFC 8601): what the milter and the delivery agent say of a mail. */
#ifndef BULLA_MAIL_RESULTS_H
#define BULLA_MAIL_RESULTS_H

#include "text.h"

#include <bulla.h>

/* The value for a mail that was opened. `known`: the signer is the author of the key table; `differing` as headers_differ() has it. */
void results_opened(struct text *out, const char *domain, const char *author, int known, const bulla_key *signer, const char *differing);
/* The value for another one, such as "none" or "fail". */
void results_other(struct text *out, const char *domain, const char *method_result);

/* A mail with these results on top, and without those that claim to be of `domain`. Every other byte is as it was. */
void results_put(struct text *out, const struct text *mail, const char *domain, const struct text *results);

#endif
